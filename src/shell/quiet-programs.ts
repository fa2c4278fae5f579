import { NOT_RUN } from "./refused-programs.ts";
import { quote, rawShell, type ShellText, shellLines } from "./shell-text.ts";

/**
 * Every user of a host can read the arguments of every program that runs there. So where a secret stands in a path, the programs below are not given it: shell functions of
 * their names hand their arguments over a pipe to a small program in Perl, which does the same (perl-base is essential in Debian). Where there is no Perl, or a program does
 * not stand here, the script is told no, and why. Functions are the shell's own: programs that a script starts do not see them.
 */

/** What these do is done without showing it. */
const DONE_QUIETLY = [
  "base64",
  "cat",
  "chgrp",
  "chmod",
  "chown",
  "cp",
  "find",
  "getfacl",
  "ln",
  "ls",
  "mkdir",
  "mktemp",
  "mv",
  "readlink",
  "rm",
  "setfacl",
  "sha256sum",
  "stat",
  "sync",
  "tar",
  "touch",
  "unzip",
  "wc",
];

/** These are not told a path that holds a secret. */
const REFUSED = [
  "dd",
  "df",
  "du",
  "git",
  "grep",
  "head",
  "install",
  "mount",
  "openssl",
  "realpath",
  "sed",
  "swapon",
  "tail",
  "umount",
];

/** Exit code of a program that was not run (sysexits.h EX_CONFIG). */
const WOULD_SHOW = 78;

/**
 * The programs, as far as the shell text of this project uses them: whatever else is asked of them ends with WOULD_SHOW, and nothing is done. What can't be done by a name
 * alone (a copy, a hash, a tree that is removed) is done by the real program, which is shown a descriptor, or a name that says nothing.
 */
const PERL = String.raw`use strict; use POSIX (); $^F = 255;
my $prog = shift; local $/ = "\0"; my @args = <STDIN>; chomp @args; $/ = undef;
open STDIN, "<&=3" or exit 1; my @held = split /\n/, delete $ENV{plumb_secrets};
sub holds { my ($a) = @_; index($a, $_) >= 0 and return 1 for @held; 0 }
sub refuse { print STDERR "$prog would show a secret in its arguments\n"; exit ${WOULD_SHOW} }
sub failed { my ($what, $p) = @_; print STDERR "$prog: $what '$p': $!\n"; $main::bad = 1; 0 }
sub fd { my ($p) = @_; open(my $h, "<", $p) or return; $h }
sub shown { "/proc/self/fd/" . fileno($_[0]) }
if ($prog eq "find") {
  my (@options, @from); push @options, shift @args while @args && $args[0] =~ /^-[HLP]$/;
  push @from, shift @args while @args && $args[0] !~ /^[-(!]/;
  refuse() if grep { holds($_) || /^-(exec|ok)/ } @args;
  open my $find, "|-", "find", @options, "-files0-from", "-", @args or refuse();
  print $find map { "$_\0" } @from; close $find; exit $? >> 8;
}
if ($prog =~ /^(tar|setfacl|getfacl|unzip)$/) {
  my (@open, @names);
  my ($end) = grep { $args[$_] eq "--" } 0 .. $#args;
  if ($prog eq "tar" && defined $end && grep { $_ eq "--create" } @args) {
    @names = splice @args, $end + 1; pop @args; push @args, qw(--null --verbatim-files-from -T -);
  }
  for my $i (0 .. $#args) {
    my $a = $args[$i];
    next unless holds($a);
    refuse() if -l $a || !-e $a || $a !~ m{^/} && $prog eq "unzip" || $prog eq "tar" && $args[$i - 1] !~ /^-[fC]$/;
    my $h = fd($a) or do { failed("cannot open", $a); exit 1 };
    push @open, $h; $args[$i] = shown($h);
  }
  if (@names) { open my $tar, "|-", $prog, @args or exit 1; print $tar map { "$_\0" } @names; close $tar; exit $? >> 8 }
  system($prog, @args); exit $? >> 8 || $? & 127;
}
my (%o, @paths); our $bad = 0;
my %takes = (stat => "c", mkdir => "m", touch => "d");
while (@args) {
  my $a = shift @args;
  if ($a eq "--") { push @paths, @args; last }
  if ($a =~ /^--(\w+)$/ && $prog eq "stat") { $o{$1} = shift @args; next }
  if ($a =~ /^--(\w+)=(.*)$/s) { $o{$1} = $2; next }
  if ($a =~ /^-(.+)/s) {
    for my $l (split //, $1) { $o{$l} = 1; $o{$l} = shift @args if ($takes{$prog} // "") eq $l }
    next;
  }
  push @paths, $a;
}
sub only { my %k = map { $_ => 1 } @_; for (keys %o) { refuse() unless $k{$_} } }
sub id { my ($n, $group) = @_; return -1 if $n eq ""; return $n if $n =~ /^\d+$/;
  my $id = $group ? getgrnam($n) : getpwnam($n); defined $id or do { print STDERR "$prog: invalid " . ($group ? "group" : "user") . ": '$n'\n"; exit 1 }; $id }
sub inside { my ($to, $from) = @_; return $to if $o{T} || -l $to && $o{n} || !-d $to; (my $b = $from) =~ s{/+\z}{}; $b =~ s{.*/}{}s; "$to/$b" }
sub mount {
  my ($p) = @_; require Cwd; my $real = Cwd::realpath($p) // $p; my $found = "/";
  open my $m, "<", "/proc/self/mountinfo"; local $/ = "\n";
  while (<$m>) { my $at = (split)[4]; $at =~ s/\\([0-7]{3})/chr oct $1/ge; $found = $at if length $at > length $found && ($real eq $at || index($real, "$at/") == 0) }
  $found;
}
my %kind = (1 => "fifo", 2 => "character special file", 4 => "directory", 6 => "block special file", 10 => "symbolic link", 12 => "socket");
if ($prog eq "stat") {
  only(qw(L c printf));
  my $format = $o{printf} // $o{c} // refuse();
  my $end = defined $o{printf} ? "" : "\n";
  $format =~ s/\\0/\0/g, $format =~ s/\\t/\t/g, $format =~ s/\\n/\n/g unless $end;
  refuse() if $format =~ /%[^nFaUGugsYXZidhm%]/;
  for my $p (@paths) {
    my @s = $o{L} ? stat $p : lstat $p;
    @s or do { failed("cannot statx", $p); next };
    my $t = $s[2] >> 12 & 15;
    my $mount = $format =~ /%m/ ? mount($p) : "";
    my %v = (n => $p, a => sprintf("%o", $s[2] & 07777), u => $s[4], g => $s[5], U => scalar getpwuid($s[4]) // "UNKNOWN", G => scalar getgrgid($s[5]) // "UNKNOWN",
      F => $t == 8 ? ($s[7] ? "regular file" : "regular empty file") : $kind{$t} // "weird file", s => $s[7], X => $s[8], Y => $s[9], Z => $s[10], i => $s[1], d => $s[0], h => $s[3], m => $mount, "%" => "%");
    (my $line = $format) =~ s/%(.)/$v{$1}/g;
    print $line, $end;
  }
} elsif ($prog eq "readlink") {
  only(qw(n));
  for my $p (@paths) { my $t = readlink $p; defined $t ? print $t, $o{n} ? "" : "\n" : ($bad = 1) }
} elsif ($prog eq "mkdir") {
  only(qw(p m)); refuse() if defined $o{m} && $o{m} !~ /^[0-7]+$/;
  for my $p (@paths) {
    my @all = ($p);
    if ($o{p}) { my $up = $p; while ($up =~ s{(?<=[^/])/+[^/]*\z}{}s) { unshift @all, $up } }
    for my $one (@all) { next if $o{p} && -d $one; mkdir $one, 0777 or failed("cannot create directory", $one) }
    chmod oct $o{m}, $p or failed("cannot set mode of", $p) if defined $o{m};
  }
} elsif ($prog eq "mv") {
  only(qw(f T)); my ($from, $to) = @paths; @paths == 2 or refuse();
  rename $from, inside($to, $from) or failed("cannot move to", $to);
} elsif ($prog eq "ln") {
  only(qw(s f n T)); my ($from, $to) = @paths; @paths == 2 or refuse(); $to = inside($to, $from);
  my $at = $o{f} ? ($to =~ m{^(.*/)}s ? $1 : "") . ".plumb-link.$$" : $to;
  ($o{s} ? symlink $from, $at : link $from, $at) or do { failed("cannot make", $to); exit 1 };
  if ($o{f}) { rename $at, $to or do { failed("cannot make", $to); unlink $at }; unlink $at }
} elsif ($prog eq "rm") {
  only(qw(r f));
  for my $p (@paths) {
    lstat $p or do { failed("cannot remove", $p) unless $o{f} && $!{ENOENT}; next };
    if (-d _) {
      $o{r} or do { $! = 21; failed("cannot remove", $p); next };
      my $gone = ($p =~ m{^(.*/)[^/]+/*\z}s ? $1 : "./") . ".plumb-gone.$$";
      rename $p, $gone or do { failed("cannot remove", $p); next };
      my $dir = fd($gone =~ m{^(.*/)}s ? $1 : ".") or do { failed("cannot enter the folder of", $p); next };
      system("rm", "-rf", "--", shown($dir) . "/.plumb-gone.$$") == 0 or $bad = 1;
    } else { unlink $p or failed("cannot remove", $p) }
  }
} elsif ($prog =~ /^ch(own|grp)$/) {
  only(qw(h R)); my ($u, $g) = $prog eq "chgrp" ? ("", shift @paths) : split(/:/, shift(@paths), 2);
  ($u, $g) = (id($u, 0), id($g // "", 1));
  if ($o{R}) {
    for my $p (grep { !-l && -d } @paths) {
      my $h = fd($p) or do { failed("cannot enter", $p); next };
      system("chown", $o{h} ? "-hR" : "-R", "--", ($u < 0 ? "" : $u) . ($g < 0 ? "" : ":$g"), shown($h) . "/.") == 0 or $bad = 1;
    }
    @paths = grep { -l || !-d } @paths;
  }
  for my $p (@paths) { ($o{h} ? POSIX::lchown($u, $g, $p) : chown $u, $g, $p) or failed("changing ownership of", $p) }
} elsif ($prog eq "chmod") {
  only("reference"); my $m;
  if (defined $o{reference}) { my @s = stat $o{reference} or do { failed("cannot ask for", $o{reference}); exit 1 }; $m = sprintf "%o", $s[2] & 07777 }
  else { $m = shift @paths; refuse() unless $m =~ /^[0-7]+$/ }
  for my $p (@paths) { chmod oct $m, $p or failed("changing permissions of", $p) }
} elsif ($prog eq "touch") {
  only(qw(h c m a d)); refuse() unless defined $o{d} && ($o{m} xor $o{a});
  for my $p (@paths) {
    refuse() if -l $p;
    my $h = fd($p) or do { failed("cannot touch", $p); next };
    system("touch", $o{m} ? "-m" : "-a", "-c", "-d", $o{d}, "--", shown($h)) == 0 or $bad = 1;
  }
} elsif ($prog eq "cp") {
  only(qw(a p P)); my ($from, $to) = @paths; @paths == 2 or refuse();
  if (-l $from) { symlink readlink $from, $to or failed("cannot copy", $from) }
  else {
    my $h = fd($from) or do { failed("cannot open", $from); exit 1 };
    my $dir = fd($to =~ m{^(.*/)}s ? $1 : ".") or do { failed("cannot enter the folder of", $to); exit 1 };
    my ($name) = $to =~ m{([^/]*)\z}; $to = shown($dir) . "/$name"; my $at = shown($dir) . "/.plumb-copy.$$";
    -d $from ? chdir $h && system("cp", "-a", "--", ".", $at) : system("cp", $o{a} ? "-aL" : "-p", "--", shown($h), $at);
    $? == 0 or exit 1;
    rename $at, $to or do { failed("cannot copy to", $to); system("rm", "-rf", "--", $at) };
  }
} elsif ($prog eq "sha256sum") {
  only(qw(z));
  for my $p (@paths) {
    open STDIN, "<", $p or do { failed("cannot open", $p); next };
    my $said = qx(sha256sum); $said =~ /^([0-9a-f]{64})/ ? print "$1  $p", $o{z} ? "\0" : "\n" : ($bad = 1);
  }
} elsif ($prog eq "ls") {
  only(qw(A));
  for my $p (@paths) { opendir my $d, $p or do { failed("cannot open", $p); next }; print map { "$_\n" } sort grep { !/^[.][.]?$/ } readdir $d }
} elsif ($prog eq "mktemp") {
  only(qw(d suffix)); my ($folder, $name) = "@paths" =~ m{^(.*/)([^/]*)$}s or refuse();
  refuse() if @paths != 1 || holds($name) || holds($o{suffix} // "");
  my $h = fd($folder) or do { failed("cannot enter", $folder); exit 1 };
  open my $made, "-|", "mktemp", $o{d} ? "-d" : (), "--suffix=" . ($o{suffix} // ""), "--", shown($h) . "/$name" or exit 1;
  my $at = <$made>; close $made or exit 1; $at =~ s{^.*/}{}; print "$folder$at";
} elsif ($prog eq "cat") {
  only();
  for my $p (@paths) { my $h = fd($p) or do { failed("cannot open", $p); next }; $/ = \65536; print while <$h> }
} elsif ($prog eq "base64") {
  only(qw(w 0));
  for my $p (@paths) { my $h = fd($p) or do { failed("cannot open", $p); next }; system("base64", "-w0", "--", shown($h)) == 0 or $bad = 1 }
} elsif ($prog =~ /^(sync|wc)$/) {
  for my $p (@paths) { my $h = fd($p) or do { failed("cannot open", $p); next }; system($prog, (map { "-$_" } sort keys %o), "--", shown($h)) == 0 or $bad = 1 }
} else { refuse() }
exit $bad;`;

/** Names that would be arguments come on standard input: with a secret among them, none is passed on. */
const CHECK_INPUT = String.raw`local $/; my $in = <STDIN>; index($in, $_) < 0 or exit 1 for split /\n/, $ENV{plumb_secrets}; print $in`;

const NO_PERL = `something${NOT_RUN} (where there is Perl, more can be done)`;

/** @param secrets as they stand in the script. */
export function withQuietPrograms(script: ShellText, secrets: readonly string[]): ShellText {
  const held = [...new Set(secrets.map((secret) => secret.replaceAll("'\\''", "'")))];
  const pattern = held.map((secret) => `*${quote(secret)}*`).join("|");
  return shellLines(
    rawShell(`exec 4>&2
plumb_secrets=${quote(held.join("\n"))}
plumb_program=${quote(PERL)}
plumb_quietly() {
  plumb_name=$1 plumb_held=; shift
  for plumb_word; do case $plumb_word in ${pattern}) plumb_held=1;; esac; done
  if [ -z "$plumb_held" ]; then command "$plumb_name" "$@"; return; fi
  if ! command -v perl >/dev/null 2>&1; then echo ${quote(NO_PERL)} >&4; return ${WOULD_SHOW}; fi
  plumb_status=0
  { printf '%s\\0' "$@" | plumb_secrets=$plumb_secrets perl -e "$plumb_program" "$plumb_name"; } 3<&0 || plumb_status=$?
  [ "$plumb_status" -ne ${WOULD_SHOW} ] || plumb_say_refused
  return "$plumb_status"
}
plumb_say_refused() { echo "$plumb_name${NOT_RUN}" >&4; }
plumb_refuse() {
  plumb_name=$1; shift
  for plumb_word; do case $plumb_word in ${pattern}) case $plumb_word in */*) false;; *) [ ! -e "$plumb_word" ];; esac || { plumb_say_refused; return ${WOULD_SHOW}; };; esac; done
  command "$plumb_name" "$@"
}
xargs() {
  { plumb_secrets=$plumb_secrets perl -e ${quote(CHECK_INPUT)} || { plumb_name=xargs; plumb_say_refused; }; } | command xargs "$@"
}
${DONE_QUIETLY.map((name) => instead(name, "plumb_quietly")).join("\n")}
${REFUSED.map((name) => instead(name, "plumb_refuse")).join("\n")}`),
    script,
  );
}

/** Scripts ask with `command -v` whether there is a program: what is not there gets no function. */
const instead = (name: string, by: string): string =>
  `! command -v ${name} >/dev/null || ${name}() { ${by} ${name} "$@"; }`;
