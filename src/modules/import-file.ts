/** Imports a file that is no part of Plumb. In the built Plumb, whose own files Node.js does not load, `src/start.ts` does it. */
export const importFile = (url: string): Promise<unknown> => import(url);
