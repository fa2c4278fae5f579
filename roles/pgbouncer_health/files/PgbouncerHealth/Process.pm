# Managed by Plumb: changes by hand are undone by the next run.
#
# The process of PgBouncer as /proc shows it: it is the one that was started with this configuration file.
package PgbouncerHealth::Process;
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(clock_gettime time);

my %starts;

sub metrics {
    my ($add, $config) = @_;
    my $pid = pid_of($config) or return;
    my $stat = contents("/proc/$pid/stat") // return;
    my @stat = split ' ', $stat =~ s/^.*\) //sr;
    # Without /proc/uptime (ProcSubset=pid): 7 is CLOCK_BOOTTIME, which field 22 of proc(5)'s stat counts from.
    my $ticks = POSIX::sysconf(&POSIX::_SC_CLK_TCK);
    # Kept for as long as it is the same process: computed anew each time it would jitter, and look like a restart.
    my $key = "$pid $stat[19]";
    $starts{$config} = [$key, sprintf '%.2f', time - clock_gettime(7) + $stat[19] / $ticks] if !$starts{$config} || $starts{$config}[0] ne $key;
    $add->('process_cpu_seconds_total', 'counter', 'Processor time of PgBouncer: one thread does all.', ($stat[11] + $stat[12]) / $ticks);
    $add->('process_start_time_seconds', 'gauge', 'When PgBouncer started.', $starts{$config}[1]);
    $add->('process_virtual_memory_bytes', 'gauge', 'Virtual memory.', $stat[20]);
    $add->('process_resident_memory_bytes', 'gauge', 'Resident memory.', $stat[21] * POSIX::sysconf(&POSIX::_SC_PAGESIZE));
    # Descriptors can't be counted: PgBouncer has a user namespace of its own, and nobody may look into it. Its clients and servers are most of them.
    my ($limit) = (contents("/proc/$pid/limits") // '') =~ /^Max open files\s+(\d+)/m;
    $add->('process_max_fds', 'gauge', 'How many descriptors may be open: beyond them clients hang.', $limit);
}

sub pid_of {
    my ($config) = @_;
    for my $path (glob '/proc/[0-9]*/cmdline') {
        my ($program, @arguments) = split /\0/, contents($path) // next;
        next if !defined $program || $program !~ m{(?:^|/)pgbouncer$} || !grep { $_ eq $config } @arguments;
        return $path =~ /(\d+)/ ? $1 : undef;
    }
    return undef;
}

sub contents {
    my ($path) = @_;
    open my $file, '<', $path or return undef;
    local $/ = undef;
    return scalar <$file>;
}

1;
