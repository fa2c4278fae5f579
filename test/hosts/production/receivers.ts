import { execFile } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { havePackages } from "../have-packages.ts";
import { labHost, onHost, sendToHost } from "../lab-hosts.ts";

/** Where messages go to. */
export const RECEIVER = "app1";
export const MONITORS = ["db2", "mon1"] as const;

const PASSWORD = "of the mailbox";
const CA_FILE = "/etc/prometheus/mailbox.crt";

/** What is critical goes to a pager, by HTTP; everything else to a mailbox, by SMTP with STARTTLS and a login, as a provider of mail wants it. */
export const receivers = (): Record<string, unknown> => ({
  alertmanager_receivers: [
    {
      name: "mailbox",
      email_configs: [
        {
          to: "on-call@example.org",
          from: "alertmanager@example.org",
          smarthost: `${labHost(RECEIVER).address}:2525`,
          auth_username: "alertmanager",
          auth_password: PASSWORD,
          tls_config: { ca_file: CA_FILE },
          send_resolved: true,
        },
      ],
    },
    { name: "pager", webhook_configs: [{ url: `http://${labHost(RECEIVER).address}:8099/pager` }] },
  ],
  alertmanager_default_receiver: "mailbox",
  alertmanager_critical_receiver: "pager",
});

/** Takes what Alertmanager posts, and writes each message into a line of a file. */
const PAGER_PROGRAM = `use IO::Socket::INET;
my $door = IO::Socket::INET->new(LocalPort => 8099, Listen => 50, ReuseAddr => 1) or die;
while (my $client = $door->accept) {
  my $length = 0;
  while (<$client>) { $length = $1 if /^content-length: (\\d+)/i; last if /^\\r?\\n$/ }
  read $client, my $message, $length;
  open my $file, ">>", "/root/paged"; print $file "$message\\n"; close $file;
  print $client "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n";
  close $client;
}`;

/** A server of mail (RFC 5321) that takes none before TLS (RFC 3207) and a login (RFC 4954). Of each mail it keeps who brought it and the subject. */
const MAILBOX_PROGRAM = `use IO::Socket::SSL; use MIME::Base64;
my $login = encode_base64("\\0alertmanager\\0${PASSWORD}", "");
my $door = IO::Socket::INET->new(LocalPort => 2525, Listen => 50, ReuseAddr => 1) or die;
while (my $client = $door->accept) {
  my ($from, $is_safe, $is_known, $to, $said) = ($client->peerhost);
  my $say = sub { print $client "$_[0]\\r\\n" };
  $say->("220 mailbox ESMTP");
  while (defined($said = <$client>)) {
    if ($said =~ /^EHLO/i) { $say->($is_safe ? "250-mailbox\\r\\n250 AUTH PLAIN" : "250-mailbox\\r\\n250 STARTTLS") }
    elsif ($said =~ /^STARTTLS/i) {
      $say->("220 go on");
      IO::Socket::SSL->start_SSL($client, SSL_server => 1, SSL_cert_file => "/root/mailbox.crt", SSL_key_file => "/root/mailbox.key") or last;
      $is_safe = 1;
    }
    elsif ($said =~ /^AUTH PLAIN (\\S+)/i) { $is_known = $is_safe && $1 eq $login; $say->($is_known ? "235 welcome" : "535 no") }
    elsif ($said =~ /^(MAIL|RCPT)/i) { $to = $1 if $said =~ /^RCPT TO:<(.*?)>/i; $say->($is_known ? "250 well" : "530 log in first") }
    elsif ($said =~ /^DATA/i) {
      $say->("354 go on");
      my ($subject, $body) = ("", 0);
      while (<$client>) { last if /^\\.\\r?$/; $subject = $1 if !$body && /^Subject: (.*?)\\r?$/i; $body = 1 if /^\\r?$/ }
      open my $file, ">>", "/root/mailed"; print $file "$from $to $subject\\n"; close $file;
      $say->("250 taken");
    }
    elsif ($said =~ /^QUIT/i) { $say->("221 bye"); last }
    else { $say->("250 well") }
  }
  close $client;
}`;

export async function startReceivers(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-mailbox-"));
  const [key, cert] = [path.join(folder, "key"), path.join(folder, "crt")];
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", "/CN=mailbox", "-addext", `subjectAltName=IP:${labHost(RECEIVER).address}`],
    ...["-keyout", key, "-out", cert],
  ]);
  await onHost(RECEIVER, havePackages("libio-socket-ssl-perl"));
  await sendToHost(RECEIVER, "cat > /root/mailbox.key", await readFile(key));
  await sendToHost(RECEIVER, "cat > /root/mailbox.crt", await readFile(cert));
  for (const monitor of MONITORS) await sendToHost(monitor, `cat > ${CA_FILE}`, await readFile(cert));
  for (const [name, program] of [
    ["pager", PAGER_PROGRAM],
    ["mailbox", MAILBOX_PROGRAM],
  ] as const) {
    await sendToHost(RECEIVER, `cat > /root/${name}.pl`, program);
    await onHost(RECEIVER, `systemd-run -q --unit=${name} perl /root/${name}.pl`);
  }
}

export const stopReceivers = (): Promise<string> =>
  onHost(
    RECEIVER,
    "systemctl stop pager mailbox; rm -f /root/pager.pl /root/paged /root/mailbox.* /root/mailed",
  );

interface Message {
  status: string;
  receiver: string;
  externalURL: string;
  alerts: { labels: Record<string, string> }[];
}

/** The monitors that have told the pager about an alert, and how it stands. */
export async function paged(alert: string, status: "firing" | "resolved"): Promise<string[]> {
  const messages = (await linesOf("/root/paged"))
    .map((line) => JSON.parse(line) as Message)
    .filter((one) => one.status === status && one.alerts.some(({ labels }) => labels["alertname"] === alert));
  const others = messages.filter(({ receiver }) => receiver !== "pager");
  if (others.length > 0) throw new Error(`the pager has messages for ${others[0]?.receiver}`);
  return [...new Set(messages.map(({ externalURL }) => new URL(externalURL).hostname))].sort();
}

/** The monitors that have mailed about an alert, and how it stands. */
export async function mailed(alert: string, status: "FIRING" | "RESOLVED"): Promise<string[]> {
  const senders = (await linesOf("/root/mailed"))
    .map((line) => /^(\S+) on-call@example\.org \[([A-Z]+)[^\]]*\] (\S+)/.exec(line) ?? [])
    .filter(([, , how, what]) => how === status && what === alert)
    .map(([, address]) => address);
  return MONITORS.filter((monitor) => senders.includes(labHost(monitor).address));
}

const linesOf = async (file: string): Promise<string[]> =>
  (await onHost(RECEIVER, `cat ${file} 2>/dev/null || true`)).split("\n").filter(Boolean);
