/** What the examples of a module's page take for granted, and the lab's hosts lack; run as root with bash. */
export interface Preparation {
  before?: string;
  /** Run when the module's examples are over: the host is as it was. */
  after?: string;
  /** Titles of examples, or all of them, that do something whenever they run. */
  everyTime?: readonly string[] | "all";
  /** Examples that end in a failure, as they should. */
  fails?: readonly string[];
  /** Examples that can't be tried in earnest: their title, and why. They run in check mode. */
  onlyChecked?: Readonly<Record<string, string>>;
  /** Examples that are for one of the two: their title, and which. */
  onlyOn?: Readonly<Record<string, string>>;
  /** `module_defaults` for these examples: what keeps them inside the lab. */
  defaults?: Readonly<Record<string, object>>;
}

/** Debian packages that the examples are about, installed once. */
export const PACKAGES =
  "acl cron curl e2fsprogs fdisk git iptables locales logrotate lvm2 nginx-light openssl ca-certificates perl pgbouncer postgresql ufw unzip xz-utils zip dnf rpm createrepo-c";

/** Files beside the playbook, on the controller. */
export const CONTROLLER_FILES: Readonly<Record<string, string>> = {
  "files/motd": "Welcome\n",
  "files/site/index.html": "<p>Here\n",
  "files/sudoers.d/one.sudo": "operator ALL=(ALL) ALL\n",
  "templates/app.conf.hbs": "name = {{inventory_hostname}}\n",
  "templates/nginx.conf.hbs": "events {}\nhttp {}\n",
  "files/migrate.sh": "#!/bin/sh\nmkdir -p /var/lib/app && touch /var/lib/app/migrated-$2\n",
  "files/report.pl": "print qq(done\\n);\n",
  "vars/Debian.yml": "package_name: apache2\n",
  "vars/services/one.yml": "first: 1\n",
};

/** Before any module: users, the certificates' names, one web server and one PostgreSQL with a pooler for all examples. */
export const SETTING = `set -e
getent passwd pgbouncer >/dev/null || useradd --system pgbouncer
for name in deploy app archive; do getent passwd $name >/dev/null || useradd --create-home $name; done
grep -q example.org /etc/hosts || echo '127.0.0.1 example.org registry.internal www.internal api.internal git.example.org' >> /etc/hosts
ip address show dev lo | grep -q 10.0.0.2 || ip address add 10.0.0.2/32 dev lo
mkdir -p /srv/web/team /etc/app /var/log/app/old /usr/local/share/ca-certificates
cmp -s /etc/ssl/plumb/ca.crt /usr/local/share/ca-certificates/plumb-examples.crt || { cp /etc/ssl/plumb/ca.crt /usr/local/share/ca-certificates/plumb-examples.crt; update-ca-certificates --fresh >/dev/null 2>&1; }
printf hello > /srv/web/tool-1.4.tar.gz; echo '{}' > /srv/web/policy.json
cat > /etc/nginx/conf.d/examples.conf <<'END'
server {
  listen 443 ssl; ssl_certificate /srv/server.crt; ssl_certificate_key /srv/server.key; root /srv/web;
  location /nodes { return 201; }
}
server { listen 127.0.0.1:8080; location /health { return 200; } }
END
systemctl restart nginx
cat > /etc/pgbouncer/pgbouncer.ini <<'END'
[databases]
app = host=10.0.0.2
[pgbouncer]
listen_addr = *
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/userlist.txt
admin_users = pgb_admin
stats_users = pgb_stats
client_tls_sslmode = require
client_tls_cert_file = /srv/server.crt
client_tls_key_file = /srv/server.key
END
printf '"%s" "secret-44871"\\n' app pgb_admin pgb_stats > /etc/pgbouncer/userlist.txt
systemctl enable --now -q postgresql; systemctl start postgresql@$(ls /etc/postgresql)-main
cp -p /srv/server.crt /srv/server.key /var/lib/postgresql/
chown postgres:pgbouncer /etc/pgbouncer/*.* && chmod 0640 /etc/pgbouncer/*.*
chown postgres: /var/lib/postgresql/server.* && chmod 0600 /var/lib/postgresql/server.key
chgrp postgres /srv/server.key && chmod 0640 /srv/server.key
psql() { runuser -u postgres -- psql -qX -v ON_ERROR_STOP=1 "$@"; }
cd /tmp
psql -c "alter system set listen_addresses = '*'" -c "alter system set max_connections = 300" -c "alter system set ssl_cert_file = '/var/lib/postgresql/server.crt'" -c "alter system set ssl_key_file = '/var/lib/postgresql/server.key'"
hba=$(ls /etc/postgresql/*/main/pg_hba.conf)
grep -q 10.0.0.0 $hba || printf '%s\\n' 'host all all 10.0.0.0/8 scram-sha-256' >> $hba
usermod --append --groups pgbouncer postgres
systemctl restart postgresql@$(ls /etc/postgresql)-main pgbouncer
until psql -c 'select 1' >/dev/null 2>&1; do sleep 0.2; done
for name in app app_owner pgb_auth monitor report old; do psql -c "create role $name login password 'secret-44871'" 2>/dev/null || true; done
psql -c "create database app owner app_owner" 2>/dev/null || true`;

const LOOP = `set -e
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for number in {0..31}; do [ -e /dev/loop$number ] || mknod -m 0660 /dev/loop$number b 7 $number; done
truncate -s 32M /srv/disk.img
ln -sfn "$(losetup --find --show /srv/disk.img)" /dev/vdb`;
const UNLOOP = 'losetup --detach "$(readlink /dev/vdb)"; rm -f /dev/vdb /srv/disk.img';

const RPMS = `set -e
mkdir -p /srv/rpms /etc/yum.repos.d && cd /srv/rpms
[ -e repodata ] || for one in nginx/1.2 postgresql-server/15.4 pgbouncer/1.24 telnet/0.17 bash/5.2; do
  printf '%s\\n' "Name: \${one%/*}" "Version: \${one#*/}" 'Release: 1' 'Summary: x' 'License: MIT' 'BuildArch: noarch' '%description' 'x' '%files' > x.spec
  rpmbuild --quiet -bb --define '_rpmdir /srv/rpms' x.spec 2>/dev/null
done
[ -e repodata ] || createrepo_c -q /srv/rpms
printf '%s\\n' '[lab]' 'name=x' 'baseurl=file:///srv/rpms' 'gpgcheck=0' 'enabled=1' '[pgdg-common]' 'name=x' 'baseurl=file:///srv/rpms' 'gpgcheck=0' 'enabled=0' > /etc/yum.repos.d/lab.repo
rpm --quiet -i --justdb --nodeps noarch/bash-* noarch/telnet-* || true`;

/** A run that has replaced nothing: what the examples themselves have done must stay. */
const KEPT_RUN = "20261125T171500042-1a2b3c";

/** By module; a module that needs nothing is not here. */
export const PREPARATIONS: Readonly<Record<string, Preparation>> = {
  acl: {
    before: "groupadd -f auditors; mkdir -p /srv/reports/2026; touch /srv/reports/2026/one",
    after: "rm -r /srv/reports; groupdel auditors",
  },
  alternatives: {
    before:
      "set -e; for one in /usr/bin/vim.basic /opt/db/bin/psql; do install -D -m 0755 /bin/true $one; done; update-alternatives --quiet --install /usr/bin/editor editor /usr/bin/vim.basic 30",
    after:
      "update-alternatives --quiet --remove editor /usr/bin/vim.basic; update-alternatives --quiet --remove-all psql-wrapper; rm -rf /usr/bin/vim.basic /opt/db; true",
  },
  // Who answers for the addresses of the world is not asked.
  apt_repository: { defaults: { apt_repository: { update_cache: false } } },
  archive: {
    before:
      "mkdir -p /var/log/app/old; touch /var/log/app/a.log.1 /var/log/app/old/b.log /var/log/app/old/c.tmp",
    after: "rm -f /srv/logs.tar.xz /var/backups/pgbouncer.tar.gz; mkdir -p /var/log/app",
  },
  assemble: {
    before: "mkdir -p /etc/app/conf.d; echo a > /etc/app/conf.d/10; echo b > /etc/app/conf.d/20",
    after: "rm -r /etc/app/conf.d /etc/app/app.conf /etc/sudoers.d/team",
  },
  async_status: {
    before: "install -D -m 0755 /bin/true /usr/local/bin/rebuild-index",
    after: "rm /usr/local/bin/rebuild-index",
    everyTime: "all",
  },
  command: { everyTime: ["To look at something"], after: "rm -f /etc/app/deploy_key*" },
  copy: {
    before: "mkdir -p /usr/share/doc/app /var/www; echo example > /usr/share/doc/app/example.conf",
    after: "rm -r /usr/share/doc/app /etc/app.conf /var/www/site /etc/sudoers.d/admin; : > /etc/motd",
  },
  cron: { after: "rm -f /etc/cron.d/backup" },
  debconf: { after: "echo PURGE | debconf-communicate postfix >/dev/null 2>&1; true" },
  dnf: { before: RPMS, after: "rm -r /etc/yum.repos.d/lab.repo" },
  fail: { fails: ["In a rescue"] },
  fetch: { onlyOn: { "One file": "bookworm1" } },
  file: {
    before: "set -e; mkdir -p /var/cache/old/deep; install -D -m 0755 /bin/true /opt/tool/bin/tool",
    after: "rm -rf /opt/tool /usr/local/bin/tool",
  },
  filesystem: { before: LOOP, after: UNLOOP },
  find: {
    before:
      "touch -d '40 days ago' /var/log/app/a.log.1; mkdir -p /etc/app.d; echo 'password = x' > /etc/app.d/x",
    after: "rm -r /etc/app.d",
  },
  git: {
    before: `set -e
export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.org GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example.org
rm -rf /srv/app /srv/work; git init -q -b main /srv/work && cd /srv/work && echo one > one && git add one && git commit -q -m one && git tag v1.4.2
getent passwd git >/dev/null || useradd --create-home --shell /usr/bin/git-shell git
rm -rf /srv/web/team/app.git ~git/team
git clone -q --bare /srv/work /srv/web/team/app.git && git -C /srv/web/team/app.git update-server-info
mkdir ~git/team && git clone -q --bare /srv/work ~git/team/site.git
install -d -m 0700 -o deploy -g deploy ~deploy/.ssh && install -d -m 0700 -o git -g git ~git/.ssh
[ -e ~deploy/.ssh/deploy_key ] || runuser -u deploy -- ssh-keygen -q -t ed25519 -N '' -f /home/deploy/.ssh/deploy_key
cp ~deploy/.ssh/deploy_key.pub ~git/.ssh/authorized_keys; chown -R git: ~git`,
    after: "rm -rf /srv/app /srv/work /home/deploy/site; userdel --remove git 2>/dev/null; true",
  },
  group: { before: "groupadd -f old" },
  hostname: { before: "hostname > /run/name", after: "hostname -F /run/name; cp /run/name /etc/hostname" },
  ini_file: {
    before: "touch /etc/systemd/resolved.conf",
    after: "rm -f /etc/app.ini; : > /etc/systemd/resolved.conf",
  },
  iptables: {
    after: "nft delete table ip plumb_filter; nft delete table ip plumb_nat; rm -f /etc/nftables.d/*",
  },
  journal: {
    before:
      "systemd-run --quiet --wait --unit=app echo ready to serve; journalctl --rotate --vacuum-time=1s >/dev/null 2>&1; systemd-run --quiet --wait --unit=app echo ready to serve; journalctl --sync",
  },
  lineinfile: {
    before:
      "cp -p /etc/ssh/sshd_config /run/sshd_config; mkdir -p /etc/default; echo 'GRUB_CMDLINE_LINUX=\"\"' > /etc/default/grub; echo '192.0.2.7 old-server' >> /etc/hosts",
    after: "cp -p /run/sshd_config /etc/ssh/sshd_config; rm /etc/default/grub",
  },
  logrotate: { before: "mkdir -p /var/log/pgbouncer", after: "rm -f /etc/logrotate.d/pgbouncer" },
  // Loop devices are every host's to see: LVM is told to look at these alone.
  lvg: {
    before: `${LOOP}
truncate -s 32M /srv/disk2.img; ln -sfn "$(losetup --find --show /srv/disk2.img)" /dev/vdc
echo 'devices { filter = [ "a|^/dev/vd|", "r|.*|" ] }' > /etc/lvm/lvmlocal.conf`,
    after: `losetup --detach "$(readlink /dev/vdc)"; rm -f /dev/vdc /srv/disk2.img /etc/lvm/lvmlocal.conf; ${UNLOOP}`,
  },
  // A kernel of virtual machines may have no loadable modules: kmod's list of what is built in says so of one that it has.
  modprobe: {
    before:
      "mkdir -p /lib/modules/$(uname -r); echo kernel/net/netfilter/nf_conntrack.ko > /lib/modules/$(uname -r)/modules.builtin",
    after: "rm -rf /lib/modules/$(uname -r) /etc/modules-load.d/* /etc/modprobe.d/nf_conntrack.conf",
  },
  mount: {
    before: `${LOOP}
mkfs.ext4 -qF -L pgdata /dev/vdb; mkdir -p /mnt/old`,
    after: `umount /var/lib/postgresql /srv/scratch; ${UNLOOP}; : > /etc/fstab`,
  },
  nftables: { after: "nft delete table inet plumb 2>/dev/null; true" },
  package: {
    onlyChecked: {
      "Everything up to date, and nothing that nobody needs": "what is new in Debian would be fetched",
      "A package file": "the checksum is that of no package",
    },
    onlyOn: { "This version, and its service stays down until it is configured": "bookworm1" },
  },
  package_facts: { before: RPMS, after: "rm -r /etc/yum.repos.d/lab.repo" },
  pause: { everyTime: "all", onlyChecked: { Minutes: "nothing would be learned" } },
  pgbouncer_acceptance: {
    onlyChecked: {
      "As playbooks/verify-pgbouncer.yml does":
        "nothing has been measured here: the acceptance's own tests do that",
    },
    everyTime: "all",
  },
  pgbouncer_admin: {
    onlyChecked: {
      "Clients wait, for five minutes at most": "the tests of operations pause poolers that have a socket",
    },
    everyTime: "all",
  },
  pgbouncer_ini: {
    before: "cp -p /etc/pgbouncer/pgbouncer.ini /run/pgbouncer.ini",
    after: "cp -p /run/pgbouncer.ini /etc/pgbouncer/pgbouncer.ini",
  },
  pgbouncer_userlist: {
    before: "cp -p /etc/pgbouncer/userlist.txt /run/userlist.txt",
    after: "cp -p /run/userlist.txt /etc/pgbouncer/userlist.txt",
  },
  pgbouncer_restart: {
    onlyChecked: { "One of two processes": "the tests of operations restart processes under load" },
    everyTime: "all",
  },
  postgresql_db: { before: "cd /tmp; runuser -u postgres -- createdb scratch 2>/dev/null; true" },
  postgresql_query: {
    before:
      "cd /tmp; runuser -u postgres -- psql -qX -d app -c 'create table if not exists tenants (name text, quota int)' 2>/dev/null; true",
    everyTime: ["Every time"],
  },
  postgresql_verifiers: { after: "rm -f /etc/pgbouncer/copied.txt" },
  raw: { everyTime: ["As in Ansible"] },
  reboot: { onlyChecked: { Boot: "reboot.test.ts boots" } },
  replace: {
    before:
      "echo 'host = old-server' > /etc/app.conf; printf '[pool]\\n# size = 5\\n[log]\\n# size = 1\\n' > /etc/app.ini",
    after: "rm /etc/app.conf /etc/app.ini",
  },
  rollback: {
    before: `cd /var/lib/plumb && mkdir -p undo/${KEPT_RUN} && touch undo/${KEPT_RUN}/index && { grep -qx ${KEPT_RUN} undo/runs || echo ${KEPT_RUN} >> undo/runs; }`,
    after: `cd /var/lib/plumb/undo && rm -r ${KEPT_RUN} && sed -i /${KEPT_RUN}/d runs`,
  },
  script: { everyTime: ["By another interpreter"], after: "rm -rf /var/lib/app" },
  shell: { everyTime: "all" },
  slurp: { before: "cp /etc/ssl/plumb/ca.crt /etc/ssl/certs/ca.crt", after: "rm /etc/ssl/certs/ca.crt" },
  sshd_config: {
    before: "usermod --append --groups sudo admin; usermod --append --groups sudo root; groupadd -f deploy",
  },
  stat: {
    before: "touch /etc/app.conf /var/backups/app.dump /var/lib/huge",
    after: "rm /etc/app.conf /var/backups/app.dump /var/lib/huge",
    everyTime: "all",
  },
  swap: { onlyChecked: { "Two gigabytes": "a swap file can't lie on the lab's overlay" } },
  systemd: { everyTime: ["For a handler"] },
  systemd_timer: { before: "mkdir -p /srv/archive" },
  systemd_unit: {
    after:
      "rm -rf /etc/systemd/system/echo.service /etc/systemd/system/nginx.service.d; systemctl daemon-reload",
  },
  tempfile: { everyTime: "all", after: "rm -rf /var/tmp/dump.*" },
  template: {
    before: "cp -p /etc/nginx/nginx.conf /run/nginx.conf",
    after: "cp -p /run/nginx.conf /etc/nginx/nginx.conf; rm -f /etc/app.conf",
  },
  timezone: { after: "ln -sfn /usr/share/zoneinfo/Etc/UTC /etc/localtime; echo Etc/UTC > /etc/timezone" },
  tls_certificate: {
    before: "mkdir -p /etc/pgbouncer/tls",
    after: "rm -rf /etc/pgbouncer/tls /etc/app/client.*",
  },
  tls_expiry: {
    before:
      "mkdir -p /etc/pgbouncer/tls; cp /srv/server.crt /etc/pgbouncer/tls/; cp /srv/server.crt /etc/pgbouncer/tls/ca.crt; cp /srv/server.crt /etc/ssl/certs/site.pem",
    after: "rm -rf /etc/pgbouncer/tls /etc/ssl/certs/site.pem",
  },
  ufw: { after: "ufw --force reset >/dev/null; true" },
  ufw_rules: { after: "ufw --force reset >/dev/null; true" },
  unarchive: {
    before:
      "cd /srv && mkdir -p tool/tests tool/bin /opt/app /opt/tool && echo x > tool/bin/tool && touch tool/tests/x && rm -f /var/cache/tool.zip && zip -q -r /var/cache/tool.zip tool",
    after: "rm -rf /srv/tool /opt/app /opt/tool /var/cache/tool.zip",
  },
  uri: { everyTime: "all" },
  user: {
    before: "groupadd -f docker; getent passwd leaver >/dev/null || useradd --create-home leaver",
    after: "userdel --remove dumper",
  },
  wait_for: {
    before: "echo ready > /var/log/app.log; mkdir -p /run/app",
    after: "rm /var/log/app.log",
  },
  x509_certificate_info: {
    before:
      "mkdir -p /etc/pgbouncer/tls; cp /srv/server.crt /etc/pgbouncer/tls/; cp /srv/server.crt /etc/ssl/certs/app.crt",
    after: "rm -rf /etc/pgbouncer/tls /etc/ssl/certs/app.crt",
  },
};
