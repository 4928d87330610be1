/** The text of one file: policies or their examples. `file` is its name within the folder, as messages say it. */
export interface PolicySource {
  readonly file: string;
  readonly text: string;
}
