import { BaseSequencer, type TestSpecification } from "vitest/node";

/** They leave hosts behind that only fresh disks would mend, which would take along what has been installed for others. The second gives them to its hosts itself. */
const LAST = ["/hosts/modules/examples.test.ts", "/hosts/interruption.test.ts"];

/** Vitest's order, but with those files as the last of their project. */
export class MessiestLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number =>
      LAST.findIndex((ending) => moduleId.endsWith(ending));
    const projects = [...new Set(sorted.map(({ project }) => project))];
    return projects.flatMap((project) =>
      sorted.filter((one) => one.project === project).sort((a, b) => rank(a) - rank(b)),
    );
  }
}
