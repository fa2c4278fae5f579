# Managed by Plumb: changes by hand are undone by the next run.
#
# When certificates end. Each is read once for every change of its file.
package PgbouncerHealth::Certificates;
use strict;
use warnings;

sub new { my ($class, @paths) = @_; return bless { paths => \@paths, known => {} }, $class }

sub metrics {
    my ($self, $add) = @_;
    for my $path (@{ $self->{paths} }) {
        my $changed = (stat $path)[9] // next;
        my $known = $self->{known}{$path};
        if (!$known || $known->{changed} != $changed) {
            my $ends = certificate_end($path) // next;
            $known = $self->{known}{$path} = { changed => $changed, ends => $ends };
        }
        $add->('certificate_expiry_timestamp_seconds', 'gauge', 'When a certificate ends.', $known->{ends}, path => $path);
    }
}

# openssl needs no network, so there is nothing to wait for.
sub certificate_end {
    my ($path) = @_;
    open my $openssl, '-|', 'openssl', 'x509', '-enddate', '-noout', '-in', $path or return undef;
    my $said = <$openssl> // '';
    close $openssl;
    my ($month, $day, $hour, $minute, $second, $year) = $said =~ /notAfter=(\w+)\s+(\d+) (\d+):(\d+):(\d+) (\d+)/ or return undef;
    my %months = (Jan => 1, Feb => 2, Mar => 3, Apr => 4, May => 5, Jun => 6, Jul => 7, Aug => 8, Sep => 9, Oct => 10, Nov => 11, Dec => 12);
    my ($y, $m) = $months{$month} > 2 ? ($year, $months{$month}) : ($year - 1, $months{$month} + 12);
    my $days = 365 * $y + int($y / 4) - int($y / 100) + int($y / 400) + int((153 * ($m - 3) + 2) / 5) + $day - 719469;
    return ($days * 24 + $hour) * 3600 + $minute * 60 + $second;
}

1;
