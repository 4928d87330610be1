import { expect, it } from 'vitest';
import { closestWord } from './closest-word.ts';

it('finds the word that was meant behind a slip, a swap or another case', () => {
  expect(closestWord('quroum', ['quorum', 'deadline'])).toBe('quorum');
  expect(closestWord('limts', ['limits', 'people'])).toBe('limits');
  expect(closestWord('Steps', ['spend', 'steps'])).toBe('steps');
});

it('guesses nothing where nothing is near', () => {
  expect(closestWord('colour', ['limits', 'people'])).toBeNull();
  expect(closestWord('a', ['b'])).toBeNull();
  expect(closestWord('', ['b'])).toBeNull();
});
