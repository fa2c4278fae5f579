import { inject } from "vitest";
import { takeTurn } from "../take-turn.ts";

/**
 * The files of a project share its hosts, and a host has one lock: while one file runs, the others of its project wait. So the projects can run beside each other.
 */
await takeTurn(inject("lab").name);
