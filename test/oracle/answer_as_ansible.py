#!/usr/bin/python3
"""Asks Ansible itself: reads a JSON list of cases from stdin, answers a JSON list on stdout.

A case is {"folder": path, ...}: its files are there already. Ansible takes a second to start, so hundreds of cases share one process.
Kinds: inventory (sources, patterns) -> what ansible-inventory --list prints, its graph, and the hosts of each pattern;
variables (sources, playbook, extra) -> the value of each variable in each task of the playbook, for each host;
execution (sources, playbook, tags, skip_tags) -> what came of each task and item on each host in order, and which hosts have failed;
words (sources, playbook) -> the keywords of each place, and the names of magic variables.
"""

import json
import os
import signal
import sys
import tempfile

configuration = tempfile.NamedTemporaryFile(suffix=".cfg")  # empty: not this machine's own
os.environ.update(
    ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1",
    ANSIBLE_HOST_PATTERN_MISMATCH="error",
    ANSIBLE_DEVEL_WARNING="0",
    ANSIBLE_DEPRECATION_WARNINGS="0",
    ANSIBLE_CONFIG=configuration.name,
    ANSIBLE_LOCALHOST_WARNING="0",
)
answers_to = os.fdopen(os.dup(1), "w")
sys.stdout = open(os.devnull, "w")

from ansible import context  # noqa: E402
from ansible.cli.inventory import InventoryCLI  # noqa: E402
from ansible.cli.playbook import PlaybookCLI  # noqa: E402
from ansible.executor.playbook_executor import PlaybookExecutor  # noqa: E402
from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.parsing.splitter import split_args  # noqa: E402
from ansible.playbook import Playbook  # noqa: E402
from ansible.playbook.block import Block  # noqa: E402
from ansible.playbook.handler import Handler  # noqa: E402
from ansible.playbook.play import Play  # noqa: E402
from ansible.playbook.role.include import RoleInclude  # noqa: E402
from ansible.playbook.task import Task  # noqa: E402
from ansible.plugins.callback import CallbackBase  # noqa: E402
from ansible.template import Templar  # noqa: E402
from ansible.utils.context_objects import CLIArgs  # noqa: E402
from ansible.utils.vars import load_extra_vars  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402

cli = InventoryCLI(["ansible-inventory", "--list"])
cli.parse()
options = dict(context.CLIARGS)
playbook_cli = PlaybookCLI(["ansible-playbook", "any.yml"])
playbook_cli.init_parser()
playbook_options = vars(playbook_cli.parser.parse_args(["any.yml"]))


def start(case):
    os.chdir(case["folder"])
    context.CLIARGS = CLIArgs({**options, "inventory": case["sources"], **case.get("options", {})})
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=case["sources"])
    version = InventoryCLI.version_info(gitinfo=False)
    return loader, inventory, VariableManager(loader=loader, inventory=inventory, version_info=version)


def attempt(act):
    try:
        return {"value": act()}
    except BaseException as error:  # whatever it is, it is Ansible's answer
        return {"error": f"{type(error).__name__}: {error}"[:400]}


def inventory_case(case):
    cli.loader, cli.inventory, cli.vm = start(case)
    listed = json.loads(cli.dump(cli.json_inventory(cli._get_group("all"))))
    answer = {"list": listed, "graph": cli.inventory_graph(), "patterns": {}, "limits": {}}
    for pattern in case.get("patterns", []):
        answer["patterns"][pattern] = attempt(lambda: [host.name for host in cli.inventory.get_hosts(pattern)])
    for limit in case.get("limits", []):
        answer["limits"][limit] = attempt(lambda: limited(cli.inventory, limit))
    return answer


def limited(inventory, limit):
    inventory.subset(limit)
    try:
        return [host.name for host in inventory.get_hosts("all")]
    finally:
        inventory.subset(None)


def tasks_in(blocks):
    for block in blocks:
        for part in (block.block, block.rescue, block.always):
            for item in part:
                if isinstance(item, Block):
                    yield from tasks_in([item])
                elif item.action != "meta" and item.get_name() not in ("meta", "Gathering Facts"):
                    yield item


def variables_case(case):
    loader, inventory, manager = start(case)
    context.CLIARGS = CLIArgs({**options, "extra_vars": tuple(case.get("extra", []))})
    manager._extra_vars = load_extra_vars(loader)
    for host, facts in case.get("facts", {}).items():
        manager.set_host_facts(host, facts)
    for host, facts in case.get("set", {}).items():
        manager.set_nonpersistent_facts(host, facts)
    for host, included in case.get("included", {}).items():
        for name, value in included.items():
            manager.set_host_variable(host, name, value)
    path = os.path.join(case["folder"], case["playbook"])
    loader.set_basedir(os.path.dirname(path))
    manager.safe_basedir = True
    playbook = Playbook.load(path, variable_manager=manager, loader=loader)
    answer = {}
    for play in playbook.get_plays():
        hosts = inventory.get_hosts(play.hosts)
        for host in hosts:
            for task in tasks_in(play.compile()):
                names = [one.name for one in hosts]
                found = manager.get_vars(play=play, host=host, task=task, _hosts=names, _hosts_all=names)
                templar = Templar(loader=loader, variables=found)
                seen = {}
                for name in case["names"]:
                    if name in found:
                        seen[name] = attempt(lambda: templar.template(found[name]))
                answer.setdefault(task.name, {})[host.name] = seen
    return answer


class Listener(CallbackBase):
    """Remembers what came of each task, or of each item of its loop."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "listener"

    def __init__(self):
        super().__init__()
        self.seen = {}

    def note(self, result, status):
        if result._task.action == "meta" or result._task._role is not None and result._task.get_name() == "meta":
            return
        shown = result._task.args.get("var")
        value = "" if shown is None else f" {result._result.get(shown)}"
        self.seen.setdefault(result._host.name, []).append(f"{result._task.get_name()} {status}{value}")

    @staticmethod
    def good(result):
        return "changed" if result._result.get("changed", False) else "ok"

    def v2_runner_on_ok(self, result):
        if result._task.loop is None and "include" not in result._task.action:
            self.note(result, self.good(result))

    def v2_runner_on_skipped(self, result):
        if result._task.loop is None or not result._result.get("results"):
            self.note(result, "skipped")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if result._task.loop is None or not result._result.get("results"):
            self.note(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_unreachable(self, result):
        self.note(result, "unreachable")

    def v2_runner_item_on_ok(self, result):
        self.note(result, self.good(result))

    def v2_runner_item_on_skipped(self, result):
        self.note(result, "skipped")

    def v2_runner_item_on_failed(self, result):
        self.note(result, "ignored" if result._task.ignore_errors else "failed")


def execution_case(case):
    chosen = {"tags": tuple(case.get("tags") or ["all"]), "skip_tags": tuple(case.get("skip_tags", []))}
    chosen.update(case.get("options", {}))
    loader, inventory, manager = start({**case, "options": {**playbook_options, **chosen}})
    manager._extra_vars = load_extra_vars(loader)
    executor = PlaybookExecutor([os.path.join(case["folder"], case["playbook"])], inventory, manager, loader, {})
    listener = Listener()
    executor._tqm._stdout_callback = listener
    executor._tqm._callbacks_loaded = True
    # Some plays it never comes to an end with.
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("Ansible came to no end")))
    signal.alarm(30)
    try:
        code = executor.run()
    finally:
        signal.alarm(0)
    failed = sorted({**executor._tqm._failed_hosts, **executor._tqm._unreachable_hosts})
    return {"seen": listener.seen, "failed": failed, "code": code}


def extra_case(case):
    """What each -e sets; words without an equals sign, which Ansible leaves out without a word, are an error here."""
    answer = {}
    for text in case["texts"]:
        answer[text] = attempt(lambda: extra(text))
    return answer


def extra(text):
    if any("=" not in word for word in split_args(text)):
        raise ValueError("a word without a value")
    context.CLIARGS = CLIArgs({**options, "extra_vars": (text,)})
    return load_extra_vars(DataLoader())


def words_case(case):
    """The keywords of each place, and the names of all magic variables."""
    places = {"play": Play, "role": RoleInclude, "block": Block, "task": Task, "handler": Handler}
    loader, inventory, manager = start({**case, "options": {**playbook_options, **case.get("options", {})}})
    playbook = Playbook.load(os.path.join(case["folder"], case["playbook"]), variable_manager=manager, loader=loader)
    play = playbook.get_plays()[0]
    host = inventory.get_hosts("all")[0]
    magic = set()
    for task in tasks_in(play.compile()):
        magic.update(manager.get_vars(play=play, host=host, task=task, _hosts=[host.name], _hosts_all=[host.name]))
    return {"keywords": {name: sorted(place.fattributes) for name, place in places.items()}, "magic": sorted(magic)}


def plain(value):
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


kinds = {"inventory": inventory_case, "variables": variables_case, "extra": extra_case, "execution": execution_case, "words": words_case}
cases = json.load(sys.stdin)
json.dump([attempt(lambda: kinds[case["kind"]](case)) for case in cases], answers_to, default=plain)
answers_to.close()
