import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { given, type LibraryFunction, list, text } from "./library-function.ts";

/** Python's splitext: a name that starts with a point has no ending for that. */
function splitEnding(file: string): [string, string] {
  const name = file.slice(file.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  const ending = dot === -1 || /^\.*$/.test(name.slice(0, dot)) ? "" : name.slice(dot);
  return [file.slice(0, file.length - ending.length), ending];
}

/** Functions for file names. They are of POSIX, as on the hosts. */
export const pathFunctions: readonly LibraryFunction[] = [
  {
    name: "basename",
    parameters: ["path"],
    summary: "The last part of a path.",
    example: { expression: 'basename("/etc/hosts")', value: "hosts" },
    call: ([value]) => {
      const file = text("basename", value);
      return file.slice(file.lastIndexOf("/") + 1);
    },
  },
  {
    name: "dirname",
    parameters: ["path"],
    summary: "A path without its last part.",
    example: { expression: 'dirname("/etc/hosts")', value: "/etc" },
    call: ([value]) => {
      const head = text("dirname", value).replace(/[^/]*$/, "");
      return /^\/+$/.test(head) ? head : head.replace(/\/+$/, "");
    },
  },
  {
    name: "splitext",
    parameters: ["path"],
    summary: "A path without its ending, and the ending.",
    example: { expression: 'splitext("nginx.conf")', value: ["nginx", ".conf"] },
    call: ([value]) => splitEnding(text("splitext", value)),
  },
  {
    name: "path_join",
    parameters: ["parts"],
    summary: "Parts of a path put together; one that starts with `/` starts anew.",
    example: { expression: 'path_join(["/etc", "nginx", "nginx.conf"])', value: "/etc/nginx/nginx.conf" },
    call: ([value]) =>
      list("path_join", value)
        .map((part) => text("path_join", part))
        .reduce(
          (whole, part) =>
            part.startsWith("/")
              ? part
              : whole === "" || whole.endsWith("/")
                ? whole + part
                : `${whole}/${part}`,
          "",
        ),
  },
  {
    name: "relpath",
    parameters: ["path", "start?"],
    summary: "The path as it is seen from a folder (the current one, unless another is given).",
    example: { expression: 'relpath("/etc/nginx/sites", "/etc/apt")', value: "../nginx/sites" },
    call: ([value, start]) =>
      path.posix.relative(
        given(start, (one) => text("relpath", one), process.cwd()),
        text("relpath", value),
      ) || ".",
  },
  {
    name: "normpath",
    parameters: ["path"],
    summary: "The path without `.`, `..` and doubled slashes.",
    example: { expression: 'normpath("/etc//nginx/../hosts/")', value: "/etc/hosts" },
    call: ([value]) => path.posix.normalize(text("normpath", value)).replace(/(?<=.)\/$/, "") || ".",
  },
  {
    name: "realpath",
    parameters: ["path"],
    summary: "The path on the controller with its symbolic links followed.",
    example: { expression: 'realpath("/proc/../")', value: "/" },
    call: ([value]) => {
      const file = path.resolve(text("realpath", value));
      // As Python's: what is not there yet keeps the part that is.
      const missing: string[] = [];
      for (let there = file; ; there = path.dirname(there)) {
        try {
          return path.join(realpathSync(there), ...missing);
        } catch (error) {
          if (there === "/") throw error;
          missing.unshift(path.basename(there));
        }
      }
    },
  },
  {
    name: "expanduser",
    parameters: ["path"],
    summary: "`~` at the start replaced by the home directory on the controller.",
    example: { expression: 'expanduser("/etc")', value: "/etc" },
    call: ([value]) => text("expanduser", value).replace(/^~(?=\/|$)/, homedir()),
  },
];
