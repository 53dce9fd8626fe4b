/* inbox.c: the inbox as libck's lock-free stack, taken whole and turned round.
 *
 * A stack whose only consumer takes everything with one exchange gives a total order of pushes, the order of their
 * successful compare-and-swaps; reversing the chain restores it. There is no ABA problem: nodes are never popped one by
 * one. The alternative, a linked MPSC queue, has a moment between its exchange and its link store in which a stalled
 * producer hides everything behind it; here a producer stalls nobody.
 *
 * The forbidden interleaving: a consumer sees message m but not the writes that filled it. The push's compare-and-swap
 * releases, the take's exchange acquires. ThreadSanitizer does not see libck's fences, so the same fact is told to it
 * on the message's address, here and nowhere else. */
#include "shards/inbox.h"

#include "core/base/mem.h"

#include <ck_stack.h>

#if defined(__SANITIZE_THREAD__)
#define INBOX_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define INBOX_TSAN 1
#endif
#endif

#ifdef INBOX_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define INBOX_RELEASE(address) __tsan_release(address)
#define INBOX_ACQUIRE(address) __tsan_acquire(address)
#else
#define INBOX_RELEASE(address) ((void)(address))
#define INBOX_ACQUIRE(address) ((void)(address))
#endif

struct inbox {
    _Alignas(CACHE_LINE_BYTES) struct ck_stack stack;
    char pad[CACHE_LINE_BYTES - sizeof(struct ck_stack)];
};

_Static_assert(offsetof(struct message, next) == 0, "a message is linked through its first field");
_Static_assert(sizeof(struct ck_stack_entry) == sizeof(struct message *), "and that field is a stack entry");

struct inbox *inbox_new(void) {
    struct inbox *inbox = mem_zalloc_aligned(sizeof *inbox, CACHE_LINE_BYTES);
    ck_stack_init(&inbox->stack);
    return inbox;
}

void inbox_free(struct inbox *inbox) {
    mem_free(inbox);
}

void inbox_push(struct inbox *inbox, struct message *message) {
    INBOX_RELEASE(message);
    ck_stack_push_upmc(&inbox->stack, (struct ck_stack_entry *)(void *)message);
    ck_pr_fence_memory();
}

struct message *inbox_take(struct inbox *inbox) {
    if (CK_STACK_ISEMPTY(&inbox->stack))
        return NULL;
    struct message *newest = (struct message *)(void *)ck_stack_batch_pop_upmc(&inbox->stack);
    struct message *oldest = NULL;
    while (newest) {
        INBOX_ACQUIRE(newest);
        struct message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

bool inbox_is_empty(const struct inbox *inbox) {
    return ck_pr_load_ptr(&inbox->stack.head) == NULL;
}
