const DISTRIBUTION =
  "`package` takes apt, and dnf where the host has it; other package managers by `command`";
const SELINUX =
  "nothing of SELinux's is managed: `command` does it, with `changed_when` from what it prints. A new file gets the context that the policy has for its path";
const FIREWALLD =
  "`nftables` is the host's firewall here (or `ufw`), and refuses rules that would lock Plumb out; with firewalld in place: `command: firewall-cmd`";
const VOLUMES =
  "`lvg` makes volume groups, but no module manages the volumes in them: they can't be tried on the lab's hosts, whose kernel has no device mapper. `command: lvcreate` does it, with `creates: /dev/VG/LV`, and `filesystem` and `mount` take it from there";
const DATABASE = "`postgresql_query` does it, with `unless: SELECT …` for whether it is so already";
const CONTAINERS =
  "containers are not managed: `command: docker compose up --detach` or `command: podman`, or a Quadlet file by `copy`, which systemd takes for a unit";
const MYSQL = "PostgreSQL alone is managed: `command: mysql --execute …` does it";
const LANGUAGE_PACKAGES =
  "Debian has most of it as packages (`package`); otherwise a `command` with `creates` makes a virtual environment or a folder of one's own";
const KEYS =
  "`tls_ca` and `tls_certificate` make keys and certificates and renew them; other kinds: `command: openssl`, with `creates`";
const REPOSITORIES = "write the .repo file by `copy` into /etc/yum.repos.d; `dnf` takes `enablerepo`";

/** Ansible's modules that there are none of here, and what to write. */
const INSTEAD: Readonly<Record<string, string>> = {
  ...each("lvol", VOLUMES),
  ...each("zypper pacman apk portage homebrew snap flatpak zfs_package opkg pkgng", DISTRIBUTION),
  ...each("seboolean selinux sefcontext seport selinux_permissive selogin", SELINUX),
  ...each("firewalld firewalld_info", FIREWALLD),
  ...each(
    "postgresql_ext postgresql_privs postgresql_schema postgresql_membership postgresql_owner postgresql_table postgresql_sequence postgresql_tablespace postgresql_lang postgresql_publication postgresql_subscription postgresql_slot postgresql_copy postgresql_idx postgresql_script",
    DATABASE,
  ),
  ...each(
    "docker_container docker_image docker_network docker_volume docker_compose docker_compose_v2 docker_login docker_swarm docker_prune podman_container podman_image podman_network podman_volume k8s helm",
    CONTAINERS,
  ),
  ...each("mysql_db mysql_user mysql_query mysql_variables mongodb_user redis", MYSQL),
  ...each("pip npm gem cpanm composer bundler easy_install yarn pipx cargo", LANGUAGE_PACKAGES),
  ...each(
    "openssl_privatekey openssl_csr openssl_csr_pipe openssl_pkcs12 openssl_dhparam openssl_publickey x509_certificate x509_certificate_pipe x509_crl acme_certificate acme_account certificate_complete_chain",
    KEYS,
  ),
  ...each("yum_repository", REPOSITORIES),
  rpm_key: "put `gpgkey` into the .repo file, by `copy`: dnf asks for nothing else",
  deb822_repository: "write `apt_repository`: it makes deb822 sources",
  dnf5: "write `dnf`",
  dpkg_selections: "`command: apt-mark hold NAME`, with `changed_when` from what it prints",
  cronvar: "write `cron` with `env: true`",
  kernel_blacklist: "write a `copy` with `content: blacklist NAME` into /etc/modprobe.d",
  shutdown: "`command: systemctl poweroff` is the last task of a play, with `ignore_unreachable: true`",
  listen_ports_facts: "`command: ss -ltnpH` with `register`; `wait_for` waits for one port",
  validate_argument_spec: "a role's `meta/argument_specs.yml` is checked before the run; elsewhere `assert`",
  java_cert: "`command: keytool -importcert -noprompt`, with `creates`",
  luks_device: "`command: cryptsetup`, with the passphrase as its `stdin`",
  crypttab: "write `lineinfile` for /etc/crypttab",
  filesize: "`command: truncate`, with `creates`; `swap` makes swap files",
  sysvinit: "write `systemd`: services are systemd's here",
  runit: "write `systemd`: services are systemd's here",
  supervisorctl: "write `systemd_unit` and `systemd`: services are systemd's here",
  timesyncd:
    "write /etc/systemd/timesyncd.conf by `ini_file`, and notify a `systemd` with `state: restarted`",
  sshd: "write `sshd_config`: it can't lock anybody out",
  ssh_config: "write `blockinfile`, or a file in /etc/ssh/ssh_config.d by `copy`",
  openssh_keypair: "`user` with `generate_ssh_key`, or `command: ssh-keygen` with `creates`",
  htpasswd: "write a `copy` with `content`, and a hash by password_hash(…) in it",
  sudoers: 'write a `copy` into /etc/sudoers.d with `validate: visudo -cf %s` and `mode: "0440"`',
  synchronize: "`copy` takes directories, and sends only what differs; between two hosts `command: rsync`",
  subversion: "`command: svn checkout`, with `creates`; `git` is there",
  hg: "`command: hg clone`, with `creates`; `git` is there",
  github_release: "`get_url` with the release's address and its `checksum`",
  maven_artifact: "`get_url` with the artifact's address and its `checksum`",
  xml: "write the file by `template`; `replace` and `blockinfile` change a part of it",
  patch: "write the file by `template`, or `replace` what differs; `command: patch` otherwise",
  iso_extract: "`command: bsdtar -x`, with `creates`",
  expect: "give the answers to `command` as `stdin`, or have the program ask nothing",
  at: "write `systemd_timer`, or `command: systemd-run --on-active=…`",
  parted: "`command: sfdisk`, with `creates`; `filesystem` and `mount` take it from there",
  lvg_rename: "`command: vgrename`",
  zfs: "`command: zfs create`, with `creates`",
  dconf: "`command: dconf write`",
  interfaces_file: "write /etc/network/interfaces.d by `copy`; a netplan or networkd file likewise",
  nmcli: "`command: nmcli`; a file of networkd's by `copy`",
  pamd: "write `lineinfile` for the file in /etc/pam.d",
  service_info: "write `service_facts`",
  ping: "`plumb ping`; in a playbook every task needs the host anyway",
  mail: "no task sends mail: `uri` tells a service, and `command: sendmail` with `stdin` a mail server",
  slack: "`uri` with `method: POST`, `body_format: json`",
  add_host: "inventories may be programs: let one say which hosts there are",
  group_by: "write `when`, or two plays: groups stand in the inventory",
  wait_for_connection: "`reboot` waits for its host, and a host that is lost is connected anew",
  set_stats: "`register`, `set_fact`; what a run did is in its record (plumb history)",
  postgresql_ping: "write `pg_query`",
  postgresql_info: "write `pg_query`, or `postgresql_query` with `select …`",
  postgresql_set:
    "write `postgresql_query` with `alter system set …` and `in_transaction: false`, and `unless: select 1 from pg_file_settings where …`; the role `postgresql` has `postgresql_settings`",
  postgresql_pg_hba: "the role `postgresql` writes it; otherwise `blockinfile` or `template`",
  haproxy: "`shell: echo 'disable server …' | socat stdio /run/haproxy/admin.sock`",
  capabilities: "`command: setcap`, with `changed_when`; in a unit `AmbientCapabilities`, by `systemd_unit`",
};

/** Families of modules, by how their names begin. */
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^win_/, "hosts are reached by SSH and have a POSIX shell: none of Windows' modules is here"],
  [/^(docker|podman|k8s)_/, CONTAINERS],
  [/^mysql_/, MYSQL],
  [/^postgresql_/, DATABASE],
  [/^(openssl|x509|acme)_/, KEYS],
  [
    /^(ec2|aws|s3|rds|route53|azure_rm|gcp|hcloud|digital_ocean|proxmox|vmware|openstack|os)_/,
    "machines are made elsewhere (Terraform, a cloud's own tool): an inventory may be a program that lists them",
  ],
];

/** What to write in the place of a module that Ansible has; undefined where nothing is known of the name. */
export function insteadOfModule(name: string): string | undefined {
  if (Object.hasOwn(INSTEAD, name)) return INSTEAD[name];
  return FAMILIES.find(([begins]) => begins.test(name))?.[1];
}

/** All of it: a test holds it to the modules that there are. */
export const notTakenModules = (): { names: readonly string[]; advice: readonly string[] } => ({
  names: Object.keys(INSTEAD),
  advice: Object.values(INSTEAD),
});

function each(names: string, instead: string): Record<string, string> {
  return Object.fromEntries(names.split(" ").map((name) => [name, instead]));
}
