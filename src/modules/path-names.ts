import { absolutePath } from "./parameter-types.ts";

/** The parameter `path` and the other names that Ansible has for it. */
export const pathNames = {
  path: absolutePath.optional().describe("The path. `dest` and `name` are other names for it."),
  dest: absolutePath.optional().describe("Another name for `path`."),
  name: absolutePath.optional().describe("Another name for `path`."),
};

interface PathNames {
  path?: string | undefined;
  dest?: string | undefined;
  name?: string | undefined;
}

/** For `refine`, with {@link ONE_PATH}. */
export function hasOnePath({ path, dest, name }: PathNames): boolean {
  return [path, dest, name].filter(Boolean).length === 1;
}

export const ONE_PATH = { error: "give `path` once", path: ["path"] };

/** @returns the path, by whatever name it was given */
export function pathOf({ path, dest, name }: PathNames): string {
  return path ?? dest ?? name ?? "";
}
