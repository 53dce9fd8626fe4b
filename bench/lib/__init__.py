"""What the benchmark scripts share: servers under test, load, statistics, plots, and the generated parts of PERF.md."""
