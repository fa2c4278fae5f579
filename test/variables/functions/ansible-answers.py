"""Answers of Ansible's filters: reads a JSON list of {"expression", "variables"}, writes a list of {"value"} or {"error"}."""

import ctypes
import ipaddress
import json
import sys

from ansible.plugins.filter import core, mathstuff, urls, urlsplit
from ansible.plugins.test import core as test_core
from ansible.plugins.test import mathstuff as test_mathstuff
from jinja2.nativetypes import NativeEnvironment
from jinja2.runtime import Undefined

environment = NativeEnvironment()
for plugin in (core, mathstuff, urls, urlsplit):
    environment.filters.update(plugin.FilterModule().filters())
for plugin in (test_core, test_mathstuff):
    environment.tests.update(plugin.TestModule().tests())


def network(text):
    return ipaddress.ip_interface(text).network


# Python 3.13 has no module for it any more.
libcrypt = ctypes.CDLL("libcrypt.so.1")
libcrypt.crypt.restype = ctypes.c_char_p


def crypt(password, settings):
    return libcrypt.crypt(password.encode(), settings.encode()).decode()


environment.globals.update(
    crypt=crypt,
    ip=lambda text: str(ipaddress.ip_interface(text).ip),
    network=lambda text: str(network(text).network_address),
    subnet=lambda text: str(network(text)),
    netmask=lambda text: str(network(text).netmask),
    hostmask=lambda text: str(network(text).hostmask),
    size=lambda text: network(text).num_addresses,
    nth=lambda text, n: str(network(text)[n]),
    inside=lambda text, outer: ipaddress.ip_address(text) in network(outer),
    nthsubnet=lambda text, prefix, n: str(list(network(text).subnets(new_prefix=prefix))[n]),
    revdns=lambda text: ipaddress.ip_interface(text).ip.reverse_pointer + ".",
)


def plain(value):
    if isinstance(value, Undefined):
        return None
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set)) or hasattr(value, "__next__"):
        return [plain(one) for one in value]
    return value


def answer(case):
    try:
        compiled = environment.compile_expression(case["expression"], undefined_to_none=False)
        return {"value": plain(compiled(**case["variables"]))}
    except Exception as error:
        return {"error": str(error)}


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
