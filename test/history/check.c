/* check.c: saturation of a partial order.
 *
 * Problem. Who wrote what a read saw is known (values are unique), but of two blind writes to a key nobody says which
 * came first. Guessing is exponential; one can instead keep adding what must hold until nothing is new:
 *
 *   known from the start   program order, real time, writer before reader, transaction 0 before all
 *   w' before r            for a read r of w's value and another writer w' of the key: then w' before w
 *   w before w'            then r before w'
 *
 * A cycle in what must hold is an anomaly: torn reads, lost updates, stale reads, writes of a pipeline seen in the
 * wrong order, and so on. The rules are sound (a reported cycle is always real); what they could miss needs blind
 * writes that nothing else orders.
 *
 * Structure. must[i] is the bit set of what must come after i, kept transitively closed by Warshall's
 * algorithm over words; direct edges carry their reason for the report.
 *
 * Cost. count^2 bits for the order, count^2 bytes for the reasons. */
#include "test/history/check.h"

#include <stdlib.h>
#include <string.h>

enum edge { EDGE_NONE, EDGE_FIRST, EDGE_PROGRAM, EDGE_TIME, EDGE_WROTE, EDGE_WW, EDGE_RW };

static const char *const edge_names[] = {"",
                                         "is the empty database, before",
                                         "was sent earlier on the connection than",
                                         "had been answered before the sending of",
                                         "wrote what was read by",
                                         "wrote a key before",
                                         "read a key before it was written by"};

struct order {
    const struct txn *txns;
    int count;
    size_t words;
    uint64_t *must;
    uint8_t *direct;
};

static bool order_has(const struct order *order, int a, int b) {
    return order->must[(size_t)a * order->words + (size_t)b / 64] >> (b % 64) & 1;
}

static bool order_add(struct order *order, int a, int b, enum edge why) {
    size_t cell = (size_t)a * (size_t)order->count + (size_t)b;
    if (order->direct[cell] != EDGE_NONE)
        return false;
    order->direct[cell] = (uint8_t)why;
    order->must[(size_t)a * order->words + (size_t)b / 64] |= UINT64_C(1) << (b % 64);
    return true;
}

/* Makes the order transitive; false when something then precedes itself. */
static bool order_close(struct order *order) {
    for (int via = 0; via < order->count; via++) {
        const uint64_t *from = order->must + (size_t)via * order->words;
        for (int a = 0; a < order->count; a++) {
            if (a == via || !order_has(order, a, via))
                continue;
            uint64_t *to = order->must + (size_t)a * order->words;
            for (size_t w = 0; w < order->words; w++)
                to[w] |= from[w];
        }
    }
    for (int a = 0; a < order->count; a++)
        if (order_has(order, a, a))
            return false;
    return true;
}

static void order_begin(struct order *order) {
    for (int a = 1; a < order->count; a++) {
        order_add(order, 0, a, EDGE_FIRST);
        for (int b = 1; b < order->count; b++) {
            if (a < b && order->txns[a].conn == order->txns[b].conn)
                order_add(order, a, b, EDGE_PROGRAM);
            else if (order->txns[a].replied_ns < order->txns[b].sent_ns)
                order_add(order, a, b, EDGE_TIME);
        }
        for (int r = 0; r < order->txns[a].reads; r++)
            if (order->txns[a].read[r].value != a)
                order_add(order, order->txns[a].read[r].value, a, EDGE_WROTE);
    }
}

static bool writes_key(const struct txn *txn, int key) {
    for (int i = 0; i < txn->writes; i++)
        if (txn->write[i].key == key)
            return true;
    return false;
}

/* The two rules, for one read against all writers of its key; true when something new was learnt. */
static bool order_learn(struct order *order, int reader, const struct access *read, const int *writers,
                        int count) {
    bool is_new = false;
    int writer = read->value;
    for (int i = 0; i < count; i++) {
        int other = writers[i];
        if (other == writer || other == reader)
            continue;
        if (order_has(order, other, reader) && !order_has(order, other, writer))
            is_new |= order_add(order, other, writer, EDGE_WW);
        if (order_has(order, writer, other) && !order_has(order, reader, other))
            is_new |= order_add(order, reader, other, EDGE_RW);
    }
    return is_new;
}

static bool order_saturate(struct order *order) {
    int *writers = malloc(sizeof *writers * (size_t)order->count * CHECK_KEYS_MAX);
    int counts[CHECK_KEYS_MAX] = {0};
    for (int a = 1; a < order->count; a++)
        for (int i = 0; i < order->txns[a].writes; i++) {
            int key = order->txns[a].write[i].key;
            writers[key * order->count + counts[key]++] = a;
        }
    bool is_sound = order_close(order);
    for (bool is_new = true; is_sound && is_new;) {
        is_new = false;
        for (int a = 1; a < order->count; a++)
            for (int i = 0; i < order->txns[a].reads; i++) {
                const struct access *read = &order->txns[a].read[i];
                is_new |= order_learn(order, a, read, writers + read->key * order->count, counts[read->key]);
            }
        is_sound = !is_new || order_close(order);
    }
    free(writers);
    return is_sound;
}

static void describe(const struct txn *txns, int a, FILE *why) {
    const struct txn *txn = &txns[a];
    fprintf(why, "  #%d on connection %d [%.1f..%.1f us]", a, txn->conn, (double)txn->sent_ns / 1e3,
            (double)txn->replied_ns / 1e3);
    for (int i = 0; i < txn->reads; i++)
        fprintf(why, " r(k%d)=%d", txn->read[i].key, txn->read[i].value);
    for (int i = 0; i < txn->writes; i++)
        fprintf(why, " w(k%d)", txn->write[i].key);
    fputc('\n', why);
}

/* Prints a shortest cycle of direct edges, found breadth first from each member. */
static void report_cycle(const struct order *order, FILE *why) {
    int count = order->count, best = 0, best_length = count + 1;
    int *from = malloc(sizeof *from * (size_t)count);
    int *queue = malloc(sizeof *queue * (size_t)count);
    int *cycle = malloc(sizeof *cycle * (size_t)count);
    for (int start = 1; start < count; start++) {
        if (!order_has(order, start, start))
            continue;
        memset(from, -1, sizeof *from * (size_t)count);
        int head = 0, tail = 0, last = -1;
        queue[tail++] = start;
        while (head < tail && last < 0) {
            int a = queue[head++];
            for (int b = 1; b < count && last < 0; b++) {
                if (order->direct[(size_t)a * (size_t)count + (size_t)b] == EDGE_NONE)
                    continue;
                if (b == start)
                    last = a;
                else if (from[b] < 0) {
                    from[b] = a;
                    queue[tail++] = b;
                }
            }
        }
        int length = 0;
        for (int a = last; a >= 0 && a != start; a = from[a])
            length++;
        if (last < 0 || length + 1 >= best_length)
            continue;
        best_length = best = length + 1;
        for (int a = last; length >= 0; a = from[a])
            cycle[length--] = a;
    }
    fprintf(why, "a cycle of %d:\n", best);
    for (int i = 0; i < best; i++) {
        describe(order->txns, cycle[i], why);
        int next = cycle[(i + 1) % best];
        fprintf(why, "    %s\n", edge_names[order->direct[(size_t)cycle[i] * (size_t)count + (size_t)next]]);
    }
    free(from);
    free(queue);
    free(cycle);
}

/* Values that nobody wrote to that key. */
static bool has_garbage(const struct txn *txns, int count, FILE *why) {
    for (int a = 1; a < count; a++)
        for (int i = 0; i < txns[a].reads; i++) {
            int value = txns[a].read[i].value;
            if (value == 0 || (value > 0 && value < count && writes_key(&txns[value], txns[a].read[i].key)))
                continue;
            fprintf(why, "a value that was never written to its key:\n");
            describe(txns, a, why);
            return true;
        }
    return false;
}

bool check_history(const struct txn *txns, int count, FILE *why) {
    if (has_garbage(txns, count, why))
        return false;
    struct order order = {.txns = txns, .count = count, .words = ((size_t)count + 63) / 64};
    order.must = calloc((size_t)count * order.words, sizeof *order.must);
    order.direct = calloc((size_t)count * (size_t)count, 1);
    order_begin(&order);
    bool is_sound = order_saturate(&order);
    if (!is_sound)
        report_cycle(&order, why);
    free(order.must);
    free(order.direct);
    return is_sound;
}
