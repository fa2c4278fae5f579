/** The lab that a file of tests has to itself until its end, because a host has one lock; `take-lab.ts` says which. */
export const lab: {
  name: string;
  keyFile: string;
  knownHostsFile: string;
  hosts: readonly { name: string; address: string; release: string }[];
} = { name: "", keyFile: "", knownHostsFile: "", hosts: [] };
