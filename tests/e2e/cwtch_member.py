"""A member: cwtchc of this build with a profile of its own."""
import json
import subprocess

import cwtch_server


class Member:
    def __init__(self, program, directory, server, init=True):
        self.program, self.directory, self.server = program, directory, server
        if init:
            self("profile", "init")

    def __call__(self, *words, expect=0, text=None):
        done = subprocess.run([self.program, "--profile", str(self.directory), "--server", self.server.url, *words],
                              capture_output=True, text=True, input=text, timeout=2 * cwtch_server.WAIT_S)
        assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if expect == 0 else done.stderr

    def texts(self, group):
        return [json.loads(line)["text"] for line in self("--json", "messages", group).split("\n") if line]

    def sync(self, *words):
        return json.loads(self("--json", "sync", *words).splitlines()[-1])
