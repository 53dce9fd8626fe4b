/* coro.c: coroutines over ucontext. A switch costs two system calls for the signal mask, which is little beside a shard's
 * turn; in exchange it works on every machine, and AddressSanitizer can be told about it. (It also intercepts swapcontext, to say
 * that it does not understand it; so its builds ask the C library for the real one.)
 *
 *   I1  coro_running is the coroutine that runs, NULL on the main stack. A coroutine resumes nobody. */
#include "test/sim/world/coro.h"

#include "core/base/attr.h"
#include "core/base/mem.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define CORO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORO_ASAN 1
#endif
#endif

#ifdef CORO_ASAN
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old, size_t *size_old);
void __asan_unpoison_memory_region(void const volatile *address, size_t size);
#define CORO_LEAVE(save, bottom, size)     __sanitizer_start_switch_fiber((save), (bottom), (size))
#define CORO_ARRIVE(saved, bottom, size)   __sanitizer_finish_switch_fiber((saved), (bottom), (size))
#define CORO_STACK_IS_DEAD(address, bytes) __asan_unpoison_memory_region((address), (bytes))
#else
#define CORO_LEAVE(save, bottom, size)     ((void)(save))
#define CORO_ARRIVE(saved, bottom, size)   ((void)(saved))
#define CORO_STACK_IS_DEAD(address, bytes) ((void)(address))
#endif

enum { CORO_STACK_BYTES = 512 << 10, CORO_GUARD_BYTES = 1 << 16 };

struct coro {
    ucontext_t context;
    ucontext_t main;
    char *stack; /* with a guard at its lower end */
    void (*body)(void *ctx);
    void *ctx;
    bool is_over;
    /* AddressSanitizer's: the fake stacks to come back to, and where the main stack is */
    void *fake;
    void *main_fake;
    const void *main_bottom;
    size_t main_bytes;
};

enum { CORO_SPARE_STACKS = 16 };

static struct coro *coro_running; /* I1 */
static char *coro_spare[CORO_SPARE_STACKS];
static unsigned coro_spare_count;

typedef int coro_swap(ucontext_t *from, const ucontext_t *to);

static coro_swap *coro_find_swap(void) {
#ifdef CORO_ASAN
    static coro_swap *swap;
    if (!swap) {
        void *symbol = dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "swapcontext");
        must(symbol != NULL);
        memcpy(&swap, &symbol, sizeof swap);
    }
    return swap;
#else
    return swapcontext;
#endif
}

static char *coro_take_stack(void) {
    if (coro_spare_count)
        return coro_spare[--coro_spare_count];
    char *stack = mmap(NULL, CORO_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(stack != MAP_FAILED);
    must(mprotect(stack, CORO_GUARD_BYTES, PROT_NONE) == 0);
    return stack;
}

static void coro_give_stack(char *stack) {
    CORO_STACK_IS_DEAD(stack + CORO_GUARD_BYTES, CORO_STACK_BYTES - CORO_GUARD_BYTES);
    if (coro_spare_count < CORO_SPARE_STACKS)
        coro_spare[coro_spare_count++] = stack;
    else
        munmap(stack, CORO_STACK_BYTES);
}

static void coro_main(void) {
    struct coro *coro = coro_running;
    CORO_ARRIVE(NULL, &coro->main_bottom, &coro->main_bytes);
    coro->body(coro->ctx);
    coro->is_over = true;
    coro_running = NULL;
    CORO_LEAVE(NULL, coro->main_bottom, coro->main_bytes);
    setcontext(&coro->main);
    must(false);
}

struct coro *coro_new(void (*body)(void *ctx), void *ctx) {
    struct coro *coro = mem_zalloc(sizeof *coro);
    coro->body = body;
    coro->ctx = ctx;
    coro->stack = coro_take_stack();
    must(getcontext(&coro->context) == 0);
    coro->context.uc_stack.ss_sp = coro->stack + CORO_GUARD_BYTES;
    coro->context.uc_stack.ss_size = CORO_STACK_BYTES - CORO_GUARD_BYTES;
    makecontext(&coro->context, coro_main, 0);
    return coro;
}

void coro_free(struct coro *coro) {
    must(coro_running != coro);
    coro_give_stack(coro->stack);
    mem_free(coro);
}

void coro_resume(struct coro *coro) {
    must(coro_running == NULL && !coro->is_over);
    coro_running = coro;
    CORO_LEAVE(&coro->main_fake, coro->stack + CORO_GUARD_BYTES, CORO_STACK_BYTES - CORO_GUARD_BYTES);
    must(coro_find_swap()(&coro->main, &coro->context) == 0);
    CORO_ARRIVE(coro->main_fake, NULL, NULL);
}

void coro_yield(void) {
    struct coro *coro = coro_running;
    must(coro != NULL);
    coro_running = NULL;
    CORO_LEAVE(&coro->fake, coro->main_bottom, coro->main_bytes);
    must(coro_find_swap()(&coro->context, &coro->main) == 0);
    CORO_ARRIVE(coro->fake, &coro->main_bottom, &coro->main_bytes);
}

bool coro_is_over(const struct coro *coro) {
    return coro->is_over;
}
