export const GROUPS = ["web", "db", "cache", "eu-west", "prod", "g_1", "z9", "ungrouped", "all"] as const;
export const HOSTS = [
  "web1",
  "web2.example.com",
  "10.0.0.7",
  "db1",
  "db2",
  "n-a",
  "app01",
  "2001:db8::1",
  "späti",
] as const;

export const HOST_PATTERNS = [
  ...HOSTS,
  "db[1:3]",
  "app[01:05:2]",
  "n-[a:d]",
  "x[a:c][1:2].example.com",
  "r[X:Z:2]",
  "web1:2222",
  "10.0.0.[7:9]:22",
  "[2001:db8::1]:2022",
  "[10.0.0.7]:23",
  "2001:db8::[a:c]",
  "n[00:02]-[1:2]",
];

export const NAMES = ["x", "y", "ansible_host", "ansible_port", "list", "a_b", "Z"] as const;

/** `ungrouped` has no children, and is none but of `all`: Ansible takes hosts out of it that are in its children, and children's hosts too. */
export const TREE = GROUPS.slice(0, -2);

/** What Python could not put into JSON either, or what no JSON number holds. */
export function isSayable(text: string): boolean {
  return !/e[+-]?\d{3}|\d{16}/i.test(text) && !/[\r\n]/.test(text);
}
