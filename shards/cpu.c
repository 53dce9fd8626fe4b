/* cpu.c: processors we may use.
 *
 * A container's quota (cgroup v2 cpu.max, v1 cpu.cfs_quota_us) limits how much processor time there is, whatever the
 * affinity says: with a quota of 2 on a 48-core machine, 48 shards would be throttled together. Pinning is only done
 * where each shard has a processor for itself; shards sharing processors are better left to the scheduler. */
#include "shards/cpu.h"

#include "core/base/mem.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned cpu_affinity(int *cpus, unsigned max) {
    cpu_set_t set;
    unsigned count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE && count < max; cpu++)
        if (CPU_ISSET(cpu, &set))
            cpus[count++] = (int)cpu;
    return count;
}

/* Reads two numbers from a cgroup file; false when it is missing or says "max". */
static bool cpu_read_quota(const char *path, long long *quota, long long *period) {
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool ok = fscanf(file, "%lld %lld", quota, period) == 2;
    fclose(file);
    return ok;
}

/* Processors' worth of time that the cgroup grants; 0: no limit. */
static unsigned cpu_quota(void) {
    long long quota = 0, period = 0;
    if (!cpu_read_quota("/sys/fs/cgroup/cpu.max", &quota, &period)) {
        FILE *file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re");
        if (!file)
            return 0;
        bool ok = fscanf(file, "%lld", &quota) == 1;
        fclose(file);
        file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re");
        ok = ok && file && fscanf(file, "%lld", &period) == 1;
        if (file)
            fclose(file);
        if (!ok)
            return 0;
    }
    if (quota <= 0 || period <= 0)
        return 0;
    long long n = (quota + period - 1) / period;
    return (unsigned)(n > 0 ? n : 1);
}

/* Reads "0-3,8" into cpus; returns the count, 0 when the text is wrong. */
static unsigned cpu_parse_list(const char *text, int *cpus, unsigned max) {
    unsigned count = 0;
    while (*text) {
        char *end;
        long from = strtol(text, &end, 10);
        if (end == text || from < 0 || from >= CPU_SETSIZE)
            return 0;
        long to = from;
        if (*end == '-') {
            text = end + 1;
            to = strtol(text, &end, 10);
            if (end == text || to < from || to >= CPU_SETSIZE)
                return 0;
        }
        for (long cpu = from; cpu <= to && count < max; cpu++)
            cpus[count++] = (int)cpu;
        if (*end != ',' && *end != '\0')
            return 0;
        text = *end ? end + 1 : end;
    }
    return count;
}

bool cpu_plan_make(struct cpu_plan *plan, unsigned wanted, const char *list, unsigned shards_max, char *why,
                   size_t why_size) {
    int usable_cpus[CPU_SETSIZE];
    unsigned usable = cpu_affinity(usable_cpus, CPU_SETSIZE);
    bool has_list = list && list[0];
    if (has_list) {
        usable = cpu_parse_list(list, usable_cpus, CPU_SETSIZE);
        if (usable == 0) {
            snprintf(why, why_size, "cpu-list '%s' is not a list of processors such as 0-3,8", list);
            return false;
        }
    }
    if (usable == 0) {
        usable = 1;
        usable_cpus[0] = -1;
    }
    unsigned quota = has_list ? 0 : cpu_quota();
    unsigned worth = quota && quota < usable ? quota : usable;
    plan->usable = worth;
    plan->shard_count = wanted ? wanted : worth;
    if (plan->shard_count > shards_max)
        plan->shard_count = shards_max;
    plan->cpus = mem_alloc(plan->shard_count * sizeof *plan->cpus);
    bool may_pin = has_list || (worth == usable && plan->shard_count == usable);
    for (unsigned i = 0; i < plan->shard_count; i++)
        plan->cpus[i] = may_pin ? usable_cpus[i % usable] : -1;
    return true;
}

void cpu_plan_free(struct cpu_plan *plan) {
    mem_free(plan->cpus);
    plan->cpus = NULL;
}

bool cpu_pin(int cpu) {
    if (cpu < 0)
        return true;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}
