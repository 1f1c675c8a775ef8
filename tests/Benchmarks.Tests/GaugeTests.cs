using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Gauges;

namespace KvRaft.Benchmarks.Tests;

public class GaugeTests
{
    [Fact]
    public void Reads_the_cpu_time_of_a_process_whose_name_has_blanks_and_parentheses() =>
        Assert.Equal(
            TimeSpan.FromSeconds(12.5),
            ProcessGauge.CpuOf("42 (a) b 9 9) S 1 42 42 0 -1 4194560 1 2 3 4 1000 250 7 8 20 0 10 0 55 100 200"));

    [Fact]
    public void Reads_a_line_of_a_status_page() =>
        Assert.Equal(123_456, ProcessGauge.KiBOf("Name:\tkvraft\nVmHWM:\t  123456 kB\nVmRSS:\t  99 kB\n", "VmHWM:"));

    [Fact]
    public void The_busy_time_of_the_machine_excludes_idle_and_stolen_time() =>
        Assert.Equal(
            new MachineCpu(TimeSpan.FromSeconds(1 + 2 + 3 + 6 + 7), TimeSpan.FromSeconds(8)),
            MachineCpu.Of("cpu  100 200 300 400 500 600 700 800 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"));

    [Fact]
    public void Adds_up_both_kinds_of_etcds_syncs() =>
        Assert.Equal(
            1_200_007,
            EtcdCluster.SyncsOn("# HELP etcd_disk_wal_fsync_duration_seconds x\netcd_disk_wal_fsync_duration_seconds_count 1.2e+06\n"
                + "etcd_disk_wal_fsync_duration_seconds_sum 3\netcd_disk_backend_commit_duration_seconds_count 7\n"));

    [Fact]
    public void Reads_the_figures_of_this_process()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is Linux's.");
        var gauge = new ProcessGauge(Environment.ProcessId);

        Assert.True(gauge.Cpu > TimeSpan.Zero);
        Assert.InRange(gauge.MemoryBytes, 1, gauge.PeakMemoryBytes);
    }
}
