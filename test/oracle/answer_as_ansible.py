#!/usr/bin/python3
"""Asks Ansible itself: reads a JSON list of cases from stdin, answers a JSON list on stdout.

A case is {"folder": path, ...}: its files are there already. Ansible takes a second to start, so hundreds of cases share one process.
Kinds: inventory (sources, patterns) -> what ansible-inventory --list prints, its graph, and the hosts of each pattern;
variables (sources, playbook, extra) -> the value of each variable in each task of the playbook, for each host.
"""

import json
import os
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
from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.parsing.splitter import split_args  # noqa: E402
from ansible.playbook import Playbook  # noqa: E402
from ansible.playbook.block import Block  # noqa: E402
from ansible.template import Templar  # noqa: E402
from ansible.utils.context_objects import CLIArgs  # noqa: E402
from ansible.utils.vars import load_extra_vars  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402

cli = InventoryCLI(["ansible-inventory", "--list"])
cli.parse()
options = dict(context.CLIARGS)


def start(case):
    os.chdir(case["folder"])
    context.CLIARGS = CLIArgs({**options, **case.get("options", {})})
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=case["sources"])
    return loader, inventory, VariableManager(loader=loader, inventory=inventory)


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
        for host in inventory.get_hosts(play.hosts):
            for task in tasks_in(play.compile()):
                found = manager.get_vars(play=play, host=host, task=task)
                templar = Templar(loader=loader, variables=found)
                seen = {}
                for name in case["names"]:
                    if name in found:
                        seen[name] = attempt(lambda: templar.template(found[name]))
                answer.setdefault(task.name, {})[host.name] = seen
    return answer


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


def plain(value):
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


kinds = {"inventory": inventory_case, "variables": variables_case, "extra": extra_case}
cases = json.load(sys.stdin)
json.dump([attempt(lambda: kinds[case["kind"]](case)) for case in cases], answers_to, default=plain)
answers_to.close()
