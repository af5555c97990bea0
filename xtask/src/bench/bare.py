"""The least that a Mesos framework does: tasks that do nothing, each launched, told of, counted.

    bare.py MASTER TASKS FILE    the scheduler; FILE gets the seconds from the first launch on
    bare.py                      its executor, as an agent starts it

JSON over HTTP with nothing but the standard library. Every end is answered by a REVIVE: otherwise
a master hands freed resources out once a second.
"""

import base64
import http.client
import json
import os
import sys
import time
import uuid

CPUS, MEM, EXECUTOR_MEM = 0.1, 32, 32


class Stream:
    """The events of a master or an agent, and a second connection for calls."""

    def __init__(self, host, path, subscribe):
        self.path = path
        self.headers = {"Content-Type": "application/json"}
        self.events = http.client.HTTPConnection(host)
        self.calls = http.client.HTTPConnection(host)
        accept = {"Accept": "application/json"}
        self.events.request("POST", path, json.dumps(subscribe), self.headers | accept)
        self.response = self.events.getresponse()
        if self.response.status != 200:
            sys.exit(f"SUBSCRIBE: {self.response.status} {self.response.read().decode()}")
        self.headers["Mesos-Stream-Id"] = self.response.getheader("Mesos-Stream-Id", "")

    def call(self, kind, **content):
        self.calls.request("POST", self.path, json.dumps({"type": kind} | content), self.headers)
        response = self.calls.getresponse()
        text = response.read().decode()
        if response.status != 202:
            sys.exit(f"{kind}: {response.status} {text}")

    def __iter__(self):
        """Records: a length in decimal digits, a newline, and so many bytes."""
        while line := self.response.readline():
            yield json.loads(self.response.read(int(line)))


class Scheduler:
    def __init__(self, master, tasks):
        self.tasks, self.launched, self.ended, self.begun = tasks, 0, 0, None
        self.agents = set()
        self.framework = None
        info = {
            "user": os.environ.get("USER", "root"),
            "name": "bare",
            "roles": ["*"],
            "checkpoint": True,
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
        }
        subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        self.stream = Stream(master, "/api/v1/scheduler", subscribe)

    def call(self, kind, **content):
        self.stream.call(kind, framework_id=self.framework, **content)

    def run(self):
        """The seconds from the first launch to the last end."""
        for event in self.stream:
            if event["type"] == "SUBSCRIBED":
                self.framework = event["subscribed"]["framework_id"]
            elif event["type"] == "OFFERS":
                for offer in event["offers"]["offers"]:
                    self.use(offer)
            elif event["type"] == "UPDATE":
                self.count(event["update"]["status"])
            if self.ended == self.tasks:
                self.call("TEARDOWN")
                return time.monotonic() - self.begun
        sys.exit("the master closed the stream")

    def use(self, offer):
        agent = offer["agent_id"]["value"]
        has = {it["name"]: it["scalar"]["value"] for it in offer["resources"] if "scalar" in it}
        mem = has.get("mem", 0) - (0 if agent in self.agents else EXECUTOR_MEM)
        fits = int(min(has.get("cpus", 0) / CPUS + 1e-6, mem / MEM))
        count = min(fits, self.tasks - self.launched)
        if count <= 0:
            self.call("DECLINE", decline={"offer_ids": [offer["id"]]})
            return
        self.agents.add(agent)
        self.begun = self.begun or time.monotonic()
        numbers = range(self.launched, self.launched + count)
        self.launched += count
        launch = {"task_infos": [self.task(number, offer) for number in numbers]}
        operations = [{"type": "LAUNCH", "launch": launch}]
        self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": operations})

    def task(self, number, offer):
        program = [sys.executable, os.path.abspath(__file__)]
        return {
            "name": "bare",
            "task_id": {"value": str(number)},
            "agent_id": offer["agent_id"],
            "resources": scalars(cpus=CPUS, mem=MEM),
            "executor": {
                "type": "CUSTOM",
                "executor_id": {"value": "bare"},
                "framework_id": self.framework,
                "resources": scalars(mem=EXECUTOR_MEM),
                "command": {"shell": False, "value": program[0], "arguments": program},
            },
        }

    def count(self, status):
        if "uuid" in status:
            ids = {key: status[key] for key in ("agent_id", "task_id", "uuid")}
            self.call("ACKNOWLEDGE", acknowledge=ids)
        if status["state"] != "TASK_FINISHED":
            sys.exit(f"a task came to {status}")
        self.ended += 1
        if self.launched < self.tasks:
            self.call("REVIVE")


def scalars(**amounts):
    items = amounts.items()
    return [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in items]


def execute():
    ids = {
        "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
    }
    subscribe = {"type": "SUBSCRIBE", "subscribe": {}} | ids
    stream = Stream(os.environ["MESOS_AGENT_ENDPOINT"], "/api/v1/executor", subscribe)
    for event in stream:
        if event["type"] == "SHUTDOWN":
            return
        if event["type"] == "LAUNCH":
            status = {
                "task_id": event["launch"]["task"]["task_id"],
                "state": "TASK_FINISHED",
                "source": "SOURCE_EXECUTOR",
                "uuid": base64.b64encode(uuid.uuid4().bytes).decode(),
            }
            stream.call("UPDATE", update={"status": status}, **ids)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        taken = Scheduler(sys.argv[1], int(sys.argv[2])).run()
        with open(sys.argv[3], "w") as file:
            file.write(f"{taken}\n")
    else:
        execute()
