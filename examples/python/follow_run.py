#!/usr/bin/env python3
"""Starts a run over Holdpoint's HTTP API and follows it to its end. Needs nothing beyond Python 3.8.

HOLDPOINT_URL names the server, HOLDPOINT_TOKEN is the token of an agent or of a person.
Exit code: 0 = the run succeeded, 1 = it did not, 2 = wrong use, 5 = the server cannot be reached.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

LOOK_EVERY_SECONDS = 0.5
# A server that restarts, or that has lost its ledger for a moment, comes back.
ATTEMPTS = 20
ENDED = ("succeeded", "failed", "killed")


class Refused(Exception):
    """The server's problem document (RFC 9457): `code` is stable, the texts are not."""

    def __init__(self, problem):
        super().__init__("{detail} [{code}]".format(**problem))
        self.hint = problem.get("hint")


class Unreachable(Exception):
    pass


class Holdpoint:
    def __init__(self, url, token):
        self.base = url.rstrip("/") + "/api/v1"
        self.token = token

    def call(self, method, path, body=None, key=None):
        """One request, repeated while the server is away: a POST with a key starts nothing twice."""
        headers = {"Authorization": "Bearer " + self.token, "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode("utf-8")
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        request = urllib.request.Request(self.base + path, data=data, headers=headers, method=method)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                # Without the status 503 the answer is final.
                if error.code != 503:
                    raise Refused(json.load(error)) from None
                why = error
            except (urllib.error.URLError, OSError) as error:
                why = error
            if attempt < ATTEMPTS:
                time.sleep(LOOK_EVERY_SECONDS)
        raise Unreachable("{} does not answer: {}".format(self.base, why))

    def start(self, workflow, agent, value):
        body = {"workflow": workflow, "input": value}
        if agent is not None:
            body["agent"] = agent
        return self.call("POST", "/runs", body, key=str(uuid.uuid4()))

    def run(self, identifier):
        return self.call("GET", "/runs/" + urllib.parse.quote(identifier, safe=""))


def follow(api, identifier):
    """Prints each change, and each hold once; gives the run at its end."""
    said = None
    seen = {}
    while True:
        run = api.run(identifier)
        line = "{id} {state}, {steps[used]} of {steps[limit]} steps".format(**run)
        if line != said:
            print(line, flush=True)
            said = line
        for hold in run["holds"]:
            if seen.get(hold["id"]) != hold["state"]:
                print(describe(hold), flush=True)
                seen[hold["id"]] = hold["state"]
        if run["state"] in ENDED:
            return run
        time.sleep(LOOK_EVERY_SECONDS)


def describe(hold):
    if hold["state"] == "open":
        who = ", ".join("{quorum} of {approvers}".format(**group) for group in hold["deciders"])
        return "  {id} asks {who}: {title} ({reason})".format(who=who, title=hold["shown"]["title"], **hold)
    by = ", ".join((hold["ended"] or {}).get("by", []))
    return "  {id} {state}{by}".format(by=" by " + by if by else "", id=hold["id"], state=hold["state"])


def main():
    parser = argparse.ArgumentParser(description="Start a run and follow it.")
    parser.add_argument("workflow")
    parser.add_argument("--agent", help="needed with a person's token; a machine starts runs as its own agent")
    parser.add_argument("--input", default="null", help="the workflow's argument, as JSON")
    options = parser.parse_args()
    token = os.environ.get("HOLDPOINT_TOKEN")
    if not token:
        parser.error("HOLDPOINT_TOKEN is not set; make one with: holdpoint token create")
    try:
        value = json.loads(options.input)
    except ValueError as error:
        parser.error("--input is not JSON: {}".format(error))
    api = Holdpoint(os.environ.get("HOLDPOINT_URL", "http://127.0.0.1:7400"), token)
    try:
        run = follow(api, api.start(options.workflow, options.agent, value)["id"])
    except Refused as refusal:
        print("error: {}".format(refusal), file=sys.stderr)
        if refusal.hint:
            print("hint: " + refusal.hint, file=sys.stderr)
        return 1
    except Unreachable as error:
        print("error: {}".format(error), file=sys.stderr)
        return 5
    for call in run["calls"]:
        print("  {key} {action} {state}".format(**call))
    reason = ": " + run["closedReason"] if run["closedReason"] and run["state"] != "succeeded" else ""
    print("Run {id} {state}{reason}".format(id=run["id"], state=run["state"], reason=reason))
    return 0 if run["state"] == "succeeded" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        # The run goes on; only this program stops following it.
        sys.exit(130)
