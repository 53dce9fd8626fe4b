/* selftest.c: small histories, good and bad, with the verdict that each must get.
 *
 * Written one transaction a line:  connection sent replied reads writes,  reads as key=value, writes as keys. A value
 * is the number of the line that wrote it, 0 the empty database. A checker that finds nothing wrong with anything, or with
 * everything, fails here. */
#include "test/history/selftest.h"

#include "test/history/check.h"

#include <stdlib.h>
#include <string.h>

struct known {
    const char *name;
    bool is_sound;
    const char *lines[8];
};

static const struct known histories[] = {
    {"a write and its reader", true, {"1 0 10 - a", "2 20 30 a=1 -"}},
    {"a read that overlaps the write may miss it", true, {"1 0 10 - a", "2 5 30 a=0 -"}},
    {"a stale read", false, {"1 0 10 - a", "2 20 30 a=0 -"}},
    {"a value that nobody wrote", false, {"1 0 10 - a", "2 20 30 b=1 -"}},
    {"two writes seen in one order by all",
     true,
     {"1 0 100 - a", "2 0 100 - a", "3 10 20 a=1 -", "3 30 40 a=2 -", "4 35 50 a=2 -"}},
    {"two writes seen in both orders",
     false,
     {"1 0 100 - a", "2 0 100 - a", "3 10 20 a=1 -", "3 30 40 a=2 -", "4 10 20 a=2 -", "4 30 40 a=1 -"}},
    {"a torn read of one multi-key write", false, {"1 0 100 - ab", "2 10 90 a=1,b=0 -"}},
    {"a whole read of it", true, {"1 0 100 - ab", "2 10 90 a=1,b=1 -"}},
    {"a torn read of two of them", false, {"1 0 100 - ab", "2 0 100 - ab", "3 0 200 a=1,b=2 -"}},
    {"a mixture that is right where the second writes only one key",
     true,
     {"1 0 100 - ab", "2 0 100 - b", "3 0 200 a=1,b=2 -"}},
    {"a pipeline seen backwards", false, {"1 0 100 - a", "1 0 100 - b", "2 10 20 b=2 -", "2 30 40 a=0 -"}},
    {"a pipeline seen half", true, {"1 0 100 - a", "1 0 100 - b", "2 10 20 a=1 -", "2 30 40 b=0 -"}},
    {"a pipeline seen backwards by one pipeline",
     false,
     {"1 0 100 - a", "1 0 100 - b", "2 0 90 b=2 -", "2 0 90 a=0 -"}},
    {"a pipeline seen backwards by two clients",
     false,
     {"1 0 100 - a", "1 0 100 - b", "2 10 20 b=2 -", "3 30 40 a=0 -"}},
    {"long fork: two readers disagree about two writes",
     false,
     {"1 0 100 - a", "2 0 100 - b", "3 0 100 a=1,b=0 -", "4 0 100 a=0,b=2 -"}},
    {"a lost update", false, {"1 0 100 a=0 a", "2 0 100 a=0 a"}},
    {"two updates in turn", true, {"1 0 100 a=0 a", "2 0 100 a=1 a"}},
    {"write skew", false, {"1 0 100 a=0 b", "2 0 100 b=0 a"}},
    {"a connection does not see its own write", false, {"1 0 10 - a", "1 0 20 a=0 -"}},
    {"a read goes back", false, {"1 0 100 - a", "2 10 20 a=1 -", "2 30 40 a=0 -"}},
    {"opposite orders of two multi-key writes on two keys",
     false,
     {"1 0 10 - ab", "2 0 10 - ab", "3 20 30 a=1 -", "4 20 30 b=2 -"}},
};

static int parse_reads(const char *text, struct access *out) {
    int count = 0;
    if (text[0] == '-')
        return 0;
    for (const char *at = text; at; at = strchr(at, ',')) {
        at += *at == ',';
        out[count++] = (struct access){at[0] - 'a', (int)strtol(at + 2, NULL, 10)};
    }
    return count;
}

static struct txn parse_line(const char *line, int number) {
    struct txn txn = {0};
    char reads[64], writes[64];
    long long sent, replied;
    if (sscanf(line, "%d %lld %lld %63s %63s", &txn.conn, &sent, &replied, reads, writes) != 5)
        abort();
    txn.sent_ns = sent;
    txn.replied_ns = replied;
    txn.reads = parse_reads(reads, txn.read);
    for (const char *at = writes; *at && *at != '-'; at++)
        txn.write[txn.writes++] = (struct access){*at - 'a', number};
    return txn;
}

bool selftest_run(FILE *out) {
    int wrong = 0;
    int total = (int)(sizeof histories / sizeof histories[0]);
    for (int i = 0; i < total; i++) {
        struct txn txns[9] = {0};
        int count = 1;
        for (int line = 0; line < 8 && histories[i].lines[line]; line++, count++)
            txns[count] = parse_line(histories[i].lines[line], count);
        char *text = NULL;
        size_t size = 0;
        FILE *why = open_memstream(&text, &size);
        bool is_sound = check_history(txns, count, why);
        fclose(why);
        bool is_right = is_sound == histories[i].is_sound && (is_sound || size > 0);
        wrong += !is_right;
        fprintf(out, "%s  %s\n", is_right ? "ok   " : "WRONG", histories[i].name);
        if (!is_right)
            fprintf(out, "%s", text);
        free(text);
    }
    fprintf(out, "%d passed, %d failed\n", total - wrong, wrong);
    return wrong == 0;
}
