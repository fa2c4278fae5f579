/**
 * Parameters that Ansible's modules have and Plumb's have not, on purpose: what to write instead, or why nothing. By module; a test holds this list and the
 * modules' schemas to the names that Ansible documents (test/oracle/module-parameters.test.ts).
 */
const NOT_TAKEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  acl: {
    ...renamed({ name: "path", recurse: "recursive" }),
    entry: "write `etype`, `entity` and `permissions`",
    follow: "setfacl follows links",
    recalculate_mask: "the mask is reckoned anew, as setfacl does",
    use_nfsv4_acls: "POSIX access control lists alone are managed",
  },
  alternatives: renamed({ slaves: "subcommands" }),
  apt_key: { validate_certs: "no key is fetched: put it into the role's `files/`" },
  apt_repository: {
    codename: "write the release into `repo`, or `suites`",
    install_python_apt: "no Python is needed",
    mode: "the file is 0644: apt has to read it as another user",
    ...renamed({ "update-cache": "update_cache" }),
    ...retriedLists(),
    validate_certs: "apt checks certificates",
  },
  authorized_key: {
    comment: "write it behind the key, in `key`",
    follow: "with `path`, give the path that the link leads to",
    manage_dir: "~/.ssh is made where it is missing; with `path`, make the directory by `file`",
    validate_certs: "no key is fetched: `key` takes text, from a file",
  },
  command: {},
  copy: {
    checksum: "what arrives is compared with what was sent",
    follow: "a link at `dest` is replaced by the file: give the path that it leads to",
    local_follow: "links on the controller are followed",
  },
  cron: {
    ...renamed({ dom: "day", dow: "weekday", value: "job" }),
    backup: "--diff shows what is replaced",
  },
  debconf: renamed({ pkg: "name", selection: "question", setting: "question", answer: "value" }),
  dnf: {
    ...renamed({ pkg: "name", "expire-cache": "update_cache" }),
    allowerasing: commandOf("dnf install --allowerasing"),
    bugfix: commandOf("dnf upgrade --bugfix"),
    cacheonly: commandOf("dnf --cacheonly"),
    conf_file: "dnf's own configuration counts",
    disable_excludes: "take the `excludepkgs` out of the repository's file",
    disable_plugin: "write it into /etc/dnf/plugins",
    download_dir: commandOf("dnf download"),
    download_only: commandOf("dnf download"),
    enable_plugin: "write it into /etc/dnf/plugins",
    exclude: "write `excludepkgs` into /etc/dnf/dnf.conf, by `ini_file`",
    install_repoquery: "nothing is needed for it",
    installroot: commandOf("dnf --installroot"),
    list: "`package_facts` tells what is installed",
    lock_timeout: "dnf waits for another one by itself; `timeout` on the task is the limit",
    nobest: commandOf("dnf --nobest"),
    releasever: commandOf("dnf --releasever"),
    security: commandOf("dnf upgrade --security"),
    skip_broken: "what can't be had is an error",
    sslverify: "write `sslverify` into the repository's file, by `ini_file`",
    update_only: "ask `package_facts` before, and say `when`",
    validate_certs: "write `sslverify` into the repository's file, by `ini_file`",
  },
  file: {
    access_time_format: "write the time as 2026-01-31T12:00:00Z, or as touch(1) takes it",
    modification_time_format: "write the time as 2026-01-31T12:00:00Z, or as touch(1) takes it",
    follow: "give the path that the link leads to",
  },
  filesystem: renamed({ device: "dev", type: "fstype" }),
  find: renamed({ name: "paths" }),
  get_certificate: {
    asn1_base64: "the certificate is told in words, and as PEM",
    ciphers: "those of the controller's TLS count",
    proxy_host: "the host of the task is the way: `delegate_to` another one",
    proxy_port: "the host of the task is the way: `delegate_to` another one",
    select_crypto_backend: "there is one",
  },
  get_url: {
    ...renamed({ username: "url_username", password: "url_password" }),
    ciphers: "what OpenSSL takes counts",
    client_cert: commandOf("curl --cert"),
    client_key: commandOf("curl --key"),
    decompress: "what arrives is kept as the server sends it",
    force_basic_auth: "user and password are sent at once",
    http_agent: "write a `User-Agent` into `headers`",
    tmp_dest: "the unfinished file lies beside the target: another directory could not be renamed from",
    unredirected_headers: "headers stay with the server they are for",
    use_gssapi: commandOf("curl --negotiate"),
    use_netrc: "no file of the host's is read for passwords: `url_username` and `url_password`",
  },
  git: {
    ...renamed({ name: "repo" }),
    archive: "`archive` makes one of `dest`",
    archive_prefix: "`archive` makes one of `dest`",
    gpg_whitelist: "with `verify_commit`, keep in the user's GnuPG only the keys that may sign",
    reference: commandOf("git clone --reference"),
    refspec: commandOf("git fetch"),
    separate_git_dir: commandOf("git clone --separate-git-dir"),
    track_submodules: commandOf("git submodule update --remote"),
  },
  group: { local: "what is asked is getent's answer; groups are made in /etc/group" },
  hostname: { use: "/etc/hostname and the kernel's name are what counts on Linux" },
  include_vars: {
    hash_behaviour: "mappings replace each other: combine(a, b) merges two",
    ignore_unknown_extensions: "`extensions` says which files of a folder are read",
  },
  iptables: {
    fragment: matching(),
    gateway: matching(),
    match_set: "nftables has sets of its own: write the addresses, or use `nftables`",
    match_set_flags: "nftables has sets of its own: write the addresses, or use `nftables`",
    rule_num: "rules of Plumb's are appended or, with `action: insert`, put first",
    set_counters: matching(),
    set_dscp_mark: matching(),
    set_dscp_mark_class: matching(),
  },
  known_hosts: renamed({ host: "name" }),
  lvg: {
    reset_pv_uuid: commandOf("pvchange --uuid"),
    reset_vg_uuid: commandOf("vgchange --uuid"),
  },
  mount: renamed({ name: "path" }),
  package: {
    ...renamed({
      "allow-downgrade": "allow_downgrade",
      allow_downgrades: "allow_downgrade",
      "allow-downgrades": "allow_downgrade",
      "default-release": "default_release",
      "install-recommends": "install_recommends",
      package: "name",
      "update-cache": "update_cache",
    }),
    allow_unauthenticated: "give the repository its key: `apt_repository` with `key`",
    "allow-unauthenticated": "give the repository its key: `apt_repository` with `key`",
    autoclean: commandOf("apt-get autoclean"),
    clean: commandOf("apt-get clean"),
    dpkg_options: "configuration files that were changed by hand stay (confdef, confold)",
    fail_on_autoremove: "look with --check what `autoremove` would take",
    force: "what apt refuses it refuses with reason; `allow_downgrade` takes older versions",
    force_apt_get: "apt-get it is",
    policy_rc_d: "`start_services: false` keeps services down",
    ...retriedLists(),
  },
  package_facts: { strategy: "`manager` says which are asked" },
  pg_query: {
    ...renamed({
      ca_cert: "ca_file",
      ssl_rootcert: "ca_file",
      db: "database",
      login_db: "database",
      login_host: "host",
      login_password: "password",
      login_port: "port",
      login_unix_socket: "socket",
      login_user: "user",
      ssl_cert: "cert_file",
      ssl_key: "key_file",
      ssl_mode: "sslmode",
    }),
    autocommit: "each query is a transaction of its own",
    unless: "`postgresql_query` has it: this module asks, and changes nothing",
  },
  postgresql_db: {
    ...loginByNetwork(),
    ...renamed({ db: "name", login: "login_unix_user" }),
    dump_extra_args: commandOf("pg_dump"),
    maintenance_db: "postgres is the one",
    session_role: "objects belong to `owner`",
    tablespace: withQuery("alter database … set tablespace …"),
    target: commandOf("pg_dump"),
    target_opts: commandOf("pg_dump"),
    trust_input: "names and values are quoted, whatever stands in them",
  },
  postgresql_query: {
    ...loginByNetwork(),
    ...renamed({ login: "login_unix_user", login_db: "db" }),
    as_single_query: "the whole text is run, in one transaction unless `in_transaction: false`",
    autocommit: "write `in_transaction: false`",
    encoding: "text is UTF-8",
    path_to_script: "write query: \"{{ read_file 'files/script.sql' }}\"",
    search_path: "begin the query with `set local search_path = …;`",
    session_role: "begin the query with `set local role …;`",
    trust_input: "`positional_args` and `named_args` are quoted, whatever stands in them",
  },
  postgresql_user: {
    ...loginByNetwork(),
    ...renamed({ user: "name" }),
    comment: withQuery("comment on role …"),
    db: withQuery("grant …"),
    login_db: withQuery("grant …"),
    encrypted: "passwords are stored as SCRAM verifiers",
    fail_on_user: "a role that owns something is not removed: PostgreSQL refuses",
    fail_on_role: "a role that owns something is not removed: PostgreSQL refuses",
    session_role: withQuery("alter role …"),
    trust_input: "names and values are quoted, whatever stands in them",
  },
  raw: {},
  reboot: {
    boot_time_command: "the kernel's boot id is compared, which nothing but a boot changes",
    connect_timeout: "`--timeout` is that of every connection, `reboot_timeout` that of all tries",
    search_paths: "`reboot_command` may be a whole path",
  },
  replace: {
    ...renamed({ destfile: "path" }),
    encoding: "text is UTF-8",
    others: "write `owner`, `group` and `mode` by name",
  },
  blockinfile: renamed({ destfile: "path" }),
  lineinfile: {
    ...renamed({ destfile: "path", regex: "regexp", value: "line" }),
    others: "write `owner`, `group` and `mode` by name",
  },
  script: { decrypt: "a vaulted script is opened" },
  assemble: { decrypt: "vaulted parts are opened" },
  setup: {
    fact_path: "facts of one's own: a `command` with `register`, and `set_fact`",
    gather_timeout: "`timeout` on the task is the limit",
  },
  slurp: renamed({ path: "src" }),
  stat: {
    ...renamed({
      checksum: "checksum_algorithm",
      checksum_algo: "checksum_algorithm",
      dest: "path",
      name: "path",
    }),
    ...Object.fromEntries(
      ["get_attributes", "attr", "attributes"].map((name) => [name, commandOf("lsattr")]),
    ),
    ...Object.fromEntries(
      ["get_mime", "mime", "mime_type", "mime-type"].map((name) => [name, commandOf("file --mime")]),
    ),
  },
  sysctl: renamed({ key: "name", val: "value" }),
  systemd: {
    ...renamed({
      "daemon-reexec": "daemon_reexec",
      "daemon-reload": "daemon_reload",
      service: "name",
      unit: "name",
    }),
    force: "links of other units are not overwritten",
    scope: commandOf("systemctl --user"),
    ...Object.fromEntries(
      ["arguments", "args", "pattern", "runlevel", "sleep", "use"].map((name) => [
        name,
        "services are systemd's here",
      ]),
    ),
  },
  template: {
    ...Object.fromEntries(
      [
        "block_start_string",
        "block_end_string",
        "comment_start_string",
        "comment_end_string",
        "variable_start_string",
        "variable_end_string",
        "trim_blocks",
        "lstrip_blocks",
      ].map((name) => [name, "templates are Handlebars: a line that holds a block alone vanishes"]),
    ),
    follow: "a link at `dest` is replaced by the file: give the path that it leads to",
    force: "a `copy` with `content` and `force: false` leaves what is there",
    newline_sequence: "line ends are those of the template",
    output_encoding: "text is UTF-8",
  },
  timezone: {
    hwclock: "keep the clock in UTC; `command: timedatectl set-local-rtc` otherwise",
    rtc: "keep the clock in UTC; `command: timedatectl set-local-rtc` otherwise",
  },
  ufw: {
    ...renamed({
      policy: "default",
      from: "from_ip",
      src: "from_ip",
      to: "to_ip",
      dest: "to_ip",
      to_port: "port",
      protocol: "proto",
      if: "interface",
    }),
    insert_relative_to: "`insert` counts all rules",
    interface_in: "write `interface`, and `direction: in`",
    if_in: "write `interface`, and `direction: in`",
    interface_out: "write `interface`, and `direction: out`",
    if_out: "write `interface`, and `direction: out`",
    route: commandOf("ufw route"),
  },
  unarchive: {
    copy: "write `remote_src: true` for an archive of the host",
    decrypt: "a vaulted archive is opened",
    extra_opts: "`owner`, `keep_owner`, `include` and `exclude` say what is wanted",
    io_buffer_size: "nothing depends on it",
    keep_newer: "what is unpacked is what the archive has",
    validate_certs: "nothing is fetched: `get_url`, then `remote_src: true`",
  },
  uri: {
    ...renamed({ user: "url_username", password: "url_password" }),
    ciphers: "those of the controller's TLS count",
    creates: "`stat` before, and say `when`",
    removes: "`stat` before, and say `when`",
    decompress: "no compressed answer is asked for",
    force: "nothing is kept from an earlier answer",
    force_basic_auth: "user and password are sent at once",
    group: "`file` sets it behind `dest`",
    mode: "`file` sets it behind `dest`",
    owner: "`file` sets it behind `dest`",
    http_agent: "write a `User-Agent` into `headers`",
    remote_src: "`src` is a file of the controller",
    unredirected_headers: "headers stay with the server they are for",
    use_gssapi: commandOf("curl --negotiate"),
    use_netrc: "`url_username` and `url_password`",
    use_proxy: "the host of the task is the way: `delegate_to` another one",
  },
  user: {
    ...renamed({ createhome: "create_home", user: "name" }),
    authorization: "only on Solaris",
    force: "what is the user's goes with `remove: true`",
    hidden: "only on macOS",
    local: "what is asked is getent's answer; users are made in /etc/passwd",
    login_class: "only on BSD",
    profile: "only on Solaris",
    role: "only on Solaris",
    ssh_key_passphrase: "a key with a passphrase is made elsewhere, and copied",
    umask: "`file` sets the mode of the home directory",
  },
  x509_certificate_info: {
    name_encoding: "names are told as they stand in the certificate",
    select_crypto_backend: "there is one",
  },
};

/** What Ansible takes for every file. */
const NOT_TAKEN_ANYWHERE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["attributes", "attr"].map((name) => [
      name,
      "a `command: chattr` sets them; files are replaced, which loses them",
    ]),
  ),
  ...Object.fromEntries(
    ["selevel", "serole", "setype", "seuser"].map((name) => [
      name,
      "a new file gets the context that the policy has for its path",
    ]),
  ),
  unsafe_writes: "files are replaced as a whole or not at all",
};

/** What to write in the place of a parameter that Ansible's module has; undefined where it has none of this name either. */
export function insteadOf(module: string, parameter: string): string | undefined {
  return NOT_TAKEN[module]?.[parameter] ?? NOT_TAKEN_ANYWHERE[parameter];
}

/** Of one module, by name: for its page, and for the test. */
export const notTakenBy = (module: string): Readonly<Record<string, string>> => NOT_TAKEN[module] ?? {};

function renamed(names: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([name, own]) => [name, `write \`${own}\``]));
}

function commandOf(words: string): string {
  return `\`command: ${words}\` does it`;
}

function withQuery(sql: string): string {
  return `\`postgresql_query\` with \`${sql}\` does it`;
}

function matching(): string {
  return "`nftables` says it in its own words";
}

function retriedLists(): Record<string, string> {
  const why = "`retries` and `until` on the task try again";
  return { update_cache_retries: why, update_cache_retry_max_delay: why };
}

function loginByNetwork(): Record<string, string> {
  const names =
    "ca_cert ssl_rootcert connect_params login_host host login_password login_unix_socket unix_socket login_user ssl_cert ssl_key ssl_mode";
  const why = "the server is asked through its socket as `login_unix_user`; `pg_query` asks over the network";
  return { port: "write `login_port`", ...Object.fromEntries(names.split(" ").map((name) => [name, why])) };
}
