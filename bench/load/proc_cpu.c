/* proc_cpu.c: sums /proc/PID/task/<each>/schedstat, which counts in nanoseconds where stat counts in ticks. */
#include "bench/load/proc_cpu.h"

#include <dirent.h>
#include <stdio.h>

static void add_thread(int pid, const char *thread, struct proc_cpu *sum) {
    char path[320];
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, thread);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return;
    unsigned long long run, wait, switches;
    if (fscanf(f, "%llu %llu %llu", &run, &wait, &switches) == 3) {
        sum->run_ns += run;
        sum->wait_ns += wait;
        sum->switches += switches;
    }
    fclose(f);
}

void proc_cpu_add(int pid, struct proc_cpu *sum) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            add_thread(pid, entry->d_name, sum);
    closedir(tasks);
}
