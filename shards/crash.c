/* crash.c: a signal handler that trusts as little as possible.
 *
 * After a crash any lock may be held and any structure half-written. So the handler allocates nothing, takes no lock,
 * formats into a buffer of its own, writes with write(2), and looks into other shards no deeper than their own counters.
 * The handler is gone as soon as it runs (SA_RESETHAND): a second crash inside it ends the process at once. */
#include "shards/crash.h"

#include "shards/server.h"
#include "shards/version.h"

#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <ucontext.h>
#include <unistd.h>

enum { CRASH_FRAMES_MAX = 64, CRASH_LINE_MAX = 512, CRASH_ARGS_MAX = 8 };

/* A signal handler has no argument by which it could be told. */
static _Atomic(struct server *) crash_server;

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

ATTR_PRINTF(2, 3) static void crash_say(int fd, const char *format, ...) {
    char line[CRASH_LINE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len < 0)
        return;
    ssize_t written = write(fd, line, len < CRASH_LINE_MAX ? (size_t)len : sizeof line - 1);
    (void)written;
}

static const char *crash_signal_name(int number) {
    switch (number) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    default: return "signal";
    }
}

static void crash_say_registers(int fd, const ucontext_t *context) {
#if defined(__x86_64__)
    static const struct {
        const char *name;
        int index;
    } registers[] = {
        {"rip", REG_RIP}, {"rsp", REG_RSP}, {"rbp", REG_RBP}, {"rax", REG_RAX}, {"rbx", REG_RBX},
        {"rcx", REG_RCX}, {"rdx", REG_RDX}, {"rsi", REG_RSI}, {"rdi", REG_RDI}, {"r8", REG_R8},
        {"r9", REG_R9},   {"r10", REG_R10}, {"r11", REG_R11}, {"r12", REG_R12}, {"r13", REG_R13},
        {"r14", REG_R14}, {"r15", REG_R15}, {"efl", REG_EFL},
    };
    for (size_t i = 0; i < COUNT_OF(registers); i++)
        crash_say(fd, "%s:%016llx%s", registers[i].name,
                  (unsigned long long)context->uc_mcontext.gregs[registers[i].index],
                  i % 4 == 3 || i + 1 == COUNT_OF(registers) ? "\n" : " ");
#elif defined(__aarch64__)
    crash_say(fd, "pc:%016llx sp:%016llx\n", (unsigned long long)context->uc_mcontext.pc,
              (unsigned long long)context->uc_mcontext.sp);
    for (int i = 0; i < 31; i++)
        crash_say(fd, "x%d:%016llx%s", i, (unsigned long long)context->uc_mcontext.regs[i],
                  i % 4 == 3 || i == 30 ? "\n" : " ");
#else
    (void)context;
    crash_say(fd, "unknown for this processor\n");
#endif
}

/* The command that a shard was running. It stands on the stack of the thread that runs it: the one that crashed, or, of a
 * visited shard, another that is still going on; that is why this comes last. */
static void crash_say_command(int fd, const struct shard *shard) {
    const struct request *r = shard->current;
    if (!r || !r->command)
        return;
    crash_say(fd,
              "it was running '%s' in database %d with %d arguments of these lengths:", r->command->fullname,
              r->db, r->argc);
    for (int i = 0; i < r->argc && i < CRASH_ARGS_MAX; i++)
        crash_say(fd, " %zu", r->argv[i].len);
    crash_say(fd, "%s\n", r->argc > CRASH_ARGS_MAX ? " ..." : "");
}

static void crash_say_shards(int fd, struct server *server) {
    static const char *const states[] = {
        [BATON_OWNER] = "awake", [BATON_FREE] = "asleep", [BATON_VISITOR] = "visited"};
    for (unsigned i = 0; i < server->shard_count; i++) {
        struct shard *shard = server->shards[i];
        int state = atomic_load_explicit(&shard->baton.state, memory_order_relaxed);
        bool is_here = pthread_equal(shard->thread, pthread_self()) != 0;
        crash_say(fd, "shard %u: %s, turn %llu, %llu clients, %u keys lent, %u waiters%s\n", i,
                  state >= BATON_OWNER && state <= BATON_VISITOR ? states[state] : "?",
                  (unsigned long long)shard->turn, (unsigned long long)shard->conn_count, shard->locks.count,
                  shard->locks.waiters, is_here ? " <- crashed" : "");
        if (is_here || state == BATON_VISITOR)
            crash_say_command(fd, shard);
    }
}

static void crash_report(struct server *server, int number, const siginfo_t *info,
                         const ucontext_t *context) {
    int fd = server->logger.fd >= 0 ? server->logger.fd : STDERR_FILENO;
    void *frames[CRASH_FRAMES_MAX];
    struct utsname name = {0};
    uname(&name);
    crash_say(fd, "\n=== BASALT CRASH REPORT ===\n");
    crash_say(fd, "Basalt %s crashed by %s (%d), code %d, address %p, pid %d\n", BASALT_VERSION,
              crash_signal_name(number), number, info->si_code, info->si_addr, (int)getpid());
    crash_say(fd, "%s %s %s, %u shards, compiled %s\n", name.sysname, name.release, name.machine,
              server->shard_count,
#ifdef NDEBUG
              "for release"
#else
              "with debug checks"
#endif
    );
    crash_say(fd, "--- registers\n");
    crash_say_registers(fd, context);
    crash_say(fd, "--- stack\n");
    backtrace_symbols_fd(frames, backtrace(frames, CRASH_FRAMES_MAX), fd);
    crash_say(fd, "--- shards\n");
    crash_say_shards(fd, server);
    crash_say(fd, "=== END OF THE REPORT. Please send it to the developers, with the lines before it. ===\n");
}

static void crash_on_signal(int number, siginfo_t *info, void *context) {
    struct server *server = atomic_load(&crash_server);
    if (server)
        crash_report(server, number, info, context);
    raise(number); /* with the default action again: a core dump, and the right exit status */
}

static void crash_set(void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler,
                               .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_ONSTACK)};
    if (!handler)
        action = (struct sigaction){.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < COUNT_OF(crash_signals); i++)
        sigaction(crash_signals[i], &action, NULL);
}

void crash_start(struct server *server) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)server; /* the sanitizer's own report says more */
    (void)crash_set;
    (void)crash_on_signal;
#else
    void *frame[1];
    backtrace(frame, 1); /* loads the unwinder now: it allocates the first time */
    atomic_store(&crash_server, server);
    crash_set(crash_on_signal);
#endif
}

void crash_stop(void) {
    crash_set(NULL);
    atomic_store(&crash_server, NULL);
}
