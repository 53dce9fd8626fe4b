/*
 * Inboxes, order locks and the baton, exhaustively for two shards and three senders.
 *
 * Problem.  Two shards own keys.  Three connections each send a pipeline of up to two commands; a command
 * touches shard 0, shard 1 or both.  Connection 0 lives on shard 0, connection 1 on shard 1, connection 2
 * on a third thread that owns no keys and never sleeps.  The model chooses what every command touches,
 * whether a pipeline is read in one turn or in two, when the owners sleep, and every interleaving of single
 * reads and writes of shared memory.
 *
 * Property.  When nothing can move any more, every command has run exactly once on each of its shards (so no
 * wake-up was lost and nobody waits for ever) and no work that needs an owner's thread is left undone.
 * At every step only the holder of a shard's baton runs anything there, and there is one order of all commands
 * that agrees with the order in which each shard ran them, with each pipeline's order, and with real time
 * (a command that had run everywhere before another one's bytes were read stands before it).
 *
 * THE PROTOCOL, step for step as the implementation must do it
 *
 * Shared per shard: the inbox (many producers, one consumer, first in first out), the order lock, the baton word
 * `st`, a wake event that sticks until it is consumed (eventfd, or a message to the shard's ring).
 *
 * Take (the holder of the baton; the owner does it after the turn's bytes were reaped, before they are run)
 *   T1  wait until the own order lock is free (a load; the lock need not stay free)
 *   T2  take the inbox as it is now, up to its tail; if a producer has claimed a place but not yet linked its
 *       message, wait for the link: a message behind it may belong to a push that has long returned
 *   T3  run what was taken, then what was reaped
 *   T1 is there for T3's second half: a command on the fast path must not overtake the other half of a
 *   flush of which some shard has already run one half.  It has to come before T2, not after.  A visitor runs
 *   nothing but the inbox and may leave T1 out (the model passes with and without: VISIT_LOOKS).
 *
 * Push
 *   P1  a connection's flush with several destinations (the own shard counts) takes the order locks of all
 *       of them in ascending order, pushes, and releases them after the last push.  (Each may be released right
 *       after its own push: UNLOCK_EACH holds.  What matters is that all are held before the first push.)
 *   P2  any other command batch first waits until the destination's order lock is free (look, then push:
 *       need not be one atomic step).  Batches without locks leave before the locked ones are begun, so
 *       that nobody ever waits for anything but a higher order lock while holding one
 *   P3  after the last unlock, for each destination but the own shard: full fence; if st == ASLEEP and
 *       CAS(st, ASLEEP -> HELD) succeeds, visit it.  Any other state, or a CAS that fails: nothing to
 *       do, whoever holds the baton is bound to look at the inbox again after this push.
 *
 * Visit (st == HELD is mine; I hold no order lock)
 *   V1  take and run as above; push what it produced (P1, P2), looking in (P3) at its targets after V4
 *   V2  st = ASLEEP
 *   V3  if anything run in V1 needs the owner's own thread (a socket of its own, a timer, an fsync), send the
 *       wake event: after V2, never before
 *   V4  full fence; inbox not empty and CAS(st, ASLEEP -> HELD) succeeds: back to V1.  Else done:
 *       either it is empty, or somebody else holds the baton and will look.
 *
 * Sleep (the owner; st == AWAKE)
 *   S1  exchange st = ASLEEP; full fence
 *   S2  inbox not empty and CAS(st, ASLEEP -> AWAKE) succeeds: next turn.  (If the CAS fails a visitor
 *       is at it and will look again after its release; sleep on.)
 *   S3  block in the kernel until an event of its own or the wake event
 *   S4  try CAS(st, ASLEEP -> AWAKE) until it succeeds
 *   Where visits may be long, the owner need not spin in S4 (HAND_OVER; it holds, and is a choice): S4 is CAS(st, ASLEEP -> AWAKE)
 *   or else CAS(st, HELD -> WANTED), then block until st == AWAKE, looking again at each wake event; V2 is
 *   CAS(st, HELD -> ASLEEP) or, if that fails, st = AWAKE and the wake event, and no V4.
 *   "Not empty" is judged by the tail, not by the first link.
 *
 * Why nothing is lost: the producer writes the inbox and then reads st; the sleeper (owner or visitor) writes
 * st and then reads the inbox; with a full fence in between on both sides one of them sees the other.
 * Spin's memory is sequentially consistent, so those fences are an obligation which this model takes for granted.
 * Why nothing deadlocks: order locks are held over pushes only.  A baton is only tried for, except by its owner,
 * who holds nothing while it waits, and a visitor waits only for holders of order locks.  So a visit
 * may lead to another one, at any depth; a work list is kinder to the stack.
 *
 * Planted bugs, each of which must be caught: see the macros below.  run.sh does it all.
 */
#define AWAKE  0
#define ASLEEP 1
#define HELD   2
#define WANTED 3

#define NC 6 /* commands: connection i sends 2i and then 2i+1; the second one may be missing (mask 0) */
#define MORE (nx < 2 && mask[2 * me + nx] != 0)
#define TWO_MORE (nx == 0 && mask[2 * me + 1] != 0)
#define NEEDS_OWNER(c) ((c) == 5 || (c) == 4)

bool ol[2];
byte st[2];
bool wake[2];
bool need[2];    /* work left for the owner's thread */
byte who[2];     /* ghost: thread acting as the shard, plus one */

byte q[10];      /* inbox of shard s: 5s .. 5s+ql[s]-1; a message is sender * 4 + command bits + 1 */
byte ql[2];
#define UNLINKED 128
#define GAP_IN(s) ((q[5 * (s)] | q[5 * (s) + 1] | q[5 * (s) + 2] | q[5 * (s) + 3] | q[5 * (s) + 4]) & UNLINKED)

byte mask[NC];   /* shards of a command, one bit each */
byte done[NC];   /* shards that have run it */

/* The order of commands, kept just far enough to see a cycle at the step that closes it.  A new edge always
 * ends in a command that has not finished, so only such commands need a row: the set of what must
 * come after them.  Bits 0..5 are commands; RAN(s): "something that shard s has run", from which an edge
 * will lead to whatever s runs next; FINISHED: "a finished command", from which an edge leads to whatever
 * is read from a socket next (real time). */
short after[NC];
#define RAN(s) (64 << (s))
#define FINISHED 256

/* The rules, each as a macro that a planted bug blunts. */
#define FREE(s) (!ol[s])
#define T1(s) FREE(s)
#define T1_LATE(s) true
#define VISIT_T1(s) true
#define TAKEABLE(s) (!GAP_IN(s))
#define LOOK(s) FREE(s)
#define LOCKABLE(s) FREE(s)
#define LOCKED true
#define UNLOCK_AFTER_FIRST(first, last) skip
#define UNLOCK_AFTER_LAST(first, last) ol[first] = false; ol[last] = false
#define MAY_RUN_AT_ONCE (!b0 && !b1)
#define VISITOR_LOOKS_AGAIN (ql[d] > 0)
#define SLEEPER_LOOKS_AGAIN (ql[me] > 0)
#define TELLS_OWNER true
#define HANDS_OVER (st[d] == WANTED)
#if defined(HAND_OVER) || defined(NO_HANDOVER)
#define ASKS_FOR_IT (st[me] == HELD)
#define TAKES_WHEN_LEFT false
#else
#define ASKS_FOR_IT false
#define TAKES_WHEN_LEFT (st[me] == ASLEEP)
#endif

#if defined(VISIT_LOOKS) /* not a bug: visitors may do T1 like owners */
#undef VISIT_T1
#define VISIT_T1(s) FREE(s)
#elif defined(NO_ORDER_LOCK)
#undef LOCKABLE
#define LOCKABLE(s) true
#undef LOCKED
#define LOCKED false
#elif defined(NO_LOOK)
#undef LOOK
#define LOOK(s) true
#elif defined(EARLY_UNLOCK)
#undef UNLOCK_AFTER_FIRST
#define UNLOCK_AFTER_FIRST(first, last) ol[first] = false; ol[last] = false
#undef UNLOCK_AFTER_LAST
#define UNLOCK_AFTER_LAST(first, last) skip
#elif defined(UNLOCK_EACH) /* not a bug: see P1 */
#undef UNLOCK_AFTER_FIRST
#define UNLOCK_AFTER_FIRST(first, last) ol[first] = false
#undef UNLOCK_AFTER_LAST
#define UNLOCK_AFTER_LAST(first, last) ol[last] = false
#elif defined(LOCAL_OVERTAKES)
#undef MAY_RUN_AT_ONCE
#define MAY_RUN_AT_ONCE true
#elif defined(TAKE_NO_LOOK)
#undef T1
#define T1(s) true
#elif defined(TAKE_LOOKS_LATE)
#undef T1
#define T1(s) true
#undef T1_LATE
#define T1_LATE(s) FREE(s)
#elif defined(TAKE_STOPS_AT_GAP)
#undef TAKEABLE
#define TAKEABLE(s) true
#elif defined(BATON_NO_RECHECK)
#undef VISITOR_LOOKS_AGAIN
#define VISITOR_LOOKS_AGAIN false
#elif defined(SLEEP_NO_RECHECK)
#undef SLEEPER_LOOKS_AGAIN
#define SLEEPER_LOOKS_AGAIN false
#elif defined(NO_OWNER_WAKE)
#undef TELLS_OWNER
#define TELLS_OWNER false
#elif defined(NO_HANDOVER)
#undef HANDS_OVER
#define HANDS_OVER false
#endif

/* Everything that reaches a member of the set `from` now reaches the set `to` as well. */
inline extend(from, to) {
    do
    :: x < NC -> if :: after[x] & (from) -> after[x] = after[x] | (to) :: else fi; x++
    :: else -> break
    od;
    x = 0
}

inline forget(c) {
    do
    :: x < NC -> after[x] = after[x] & ~(1 << c); x++
    :: else -> break
    od;
    x = 0
}

inline execute(s, c) {
    assert(who[s] == me + 1);
    assert(!(done[c] & (1 << s)));
    extend(RAN(s), after[c] | (1 << c));
    after[c] = after[c] | RAN(s);
    extend(1 << c, after[c]);
    assert(!(after[c] & (1 << c))); /* a cycle: no order of the commands explains this run */
    done[c] = done[c] | (1 << s);
    if
    :: done[c] == mask[c] -> extend(1 << c, FINISHED); after[c] = 0; forget(c)
    :: else
    fi;
    if
    :: NEEDS_OWNER(c) && me != s -> need[s] = true; tell = TELLS_OWNER
    :: else
    fi
}

/* T2 and T3 for the inbox, in one step.  Whoever looks at what has finished halfway learns less than somebody who
 * looks later, and nothing else of it shows, so the coarse step hides no anomaly.  In the same way steps
 * are joined elsewhere where one of them commutes with all that others do: private work, taking the
 * second lock and the first push under it, the last push and the unlocks. */
inline take_and_run(s) {
    d_step {
        do
        :: ql[s] > 0 && !(q[5 * s] & UNLINKED) ->
            m = q[5 * s];
            q[5 * s] = q[5 * s + 1];
            q[5 * s + 1] = q[5 * s + 2];
            q[5 * s + 2] = q[5 * s + 3];
            q[5 * s + 3] = q[5 * s + 4];
            q[5 * s + 4] = 0;
            ql[s]--;
            m--;
            c = (m >> 2) * 2;
            if :: (m & 1) -> execute(s, c) :: else fi;
            c = c + 1;
            if :: (m & 2) -> execute(s, c) :: else fi
        :: else -> break
        od;
        m = 0; c = 0
    }
}

/* A push claims its place in the queue and then links its message into it. */
inline claim(s, bits) {
    assert(ql[s] < 5);
    q[5 * s + ql[s]] = (me * 4 + bits + 1) | UNLINKED;
    ql[s]++
}

inline link(s) {
    d_step {
        do
        :: (q[5 * s + x] & UNLINKED) && (((q[5 * s + x] & ~UNLINKED) - 1) >> 2) == me ->
            q[5 * s + x] = q[5 * s + x] & ~UNLINKED; break
        :: else -> x++
        od;
        x = 0
    }
}

/* P1, P2: b0 and b1 are the command bits for the two shards. */
inline flush() {
    if
    :: b0 && b1 ->
        atomic { LOCKABLE(0) -> ol[0] = LOCKED };
#ifdef LOCKS_ONE_BY_ONE
        atomic { claim(0, b0) };
        atomic { link(0); ol[0] = false };
        atomic { LOCKABLE(1) -> ol[1] = LOCKED; claim(1, b1) };
        atomic { link(1); ol[1] = false }
#else
        if
        :: atomic { LOCKABLE(1) -> ol[1] = LOCKED; claim(0, b0) };
           atomic { link(0); UNLOCK_AFTER_FIRST(0, 1) };
           atomic { claim(1, b1) };
           atomic { link(1); UNLOCK_AFTER_LAST(0, 1) }
        :: atomic { LOCKABLE(1) -> ol[1] = LOCKED; claim(1, b1) };
           atomic { link(1); UNLOCK_AFTER_FIRST(1, 0) };
           atomic { claim(0, b0) };
           atomic { link(0); UNLOCK_AFTER_LAST(1, 0) }
        fi
#endif
    :: b0 && !b1 && LOOK(0) -> atomic { claim(0, b0) }; link(0)
    :: !b0 && b1 && LOOK(1) -> atomic { claim(1, b1) }; link(1)
    fi
}

/* V1 to V4, with the baton of shard d in hand. */
inline visit() {
    do
    ::
        VISIT_T1(d);
        atomic { TAKEABLE(d) -> take_and_run(d) };
        atomic {
            who[d] = 0;
            if
            :: HANDS_OVER -> st[d] = AWAKE; who[d] = d + 1; wake[d] = true; left = false
            :: else -> st[d] = ASLEEP; left = true
            fi;
            if :: tell -> wake[d] = true; tell = false :: else fi
        };
        atomic {
            if
            :: left && VISITOR_LOOKS_AGAIN && st[d] == ASLEEP ->
                left = false; st[d] = HELD; assert(who[d] == 0); who[d] = me + 1
            :: else -> left = false; break
            fi
        }
    od
}

/* P3 for every destination of the flush but the own shard. */
inline look_in() {
    do
    :: atomic { b0 || b1 ->
            if
            :: b0 -> d = 0; b0 = 0
            :: else -> d = 1; b1 = 0
            fi;
            if
            :: d != me && st[d] == ASLEEP -> left = true
            :: else
            fi;
#ifndef BATON_NO_CAS
            if
            :: left -> st[d] = HELD; assert(who[d] == 0); who[d] = me + 1
            :: else
            fi
#endif
        };
#ifdef BATON_NO_CAS
        if :: left -> atomic { st[d] = HELD; who[d] = me + 1 } :: else fi;
#endif
        if :: left -> left = false; visit() :: else fi;
        d = 0
    :: else -> break
    od
}

/* The bytes of one command or of both arrive: `got` commands from number nx on. */
inline reap() {
    if
    :: got = 1
    :: TWO_MORE -> got = 2
    fi;
    d_step {
        c = 2 * me + nx;
        extend(FINISHED, after[c] | (1 << c));
        c = 0
    }
}

/* Routing of the reaped commands; local ones run at once unless something went elsewhere first. */
inline route() {
    d_step {
        do
        :: got ->
            if
            :: mask[2 * me + nx] == (1 << me) && MAY_RUN_AT_ONCE -> c = 2 * me + nx; execute(me, c)
            :: else ->
                if :: mask[2 * me + nx] & 1 -> b0 = b0 | (1 << nx) :: else fi;
                if :: mask[2 * me + nx] & 2 -> b1 = b1 | (1 << nx) :: else fi
            fi;
            nx++; got--
        :: else -> break
        od;
        c = 0
    }
}

/* S1 to S4; leaves with the baton in hand. */
inline sleep() {
    atomic { who[me] = 0; st[me] = ASLEEP };
    if
    :: atomic { SLEEPER_LOOKS_AGAIN && st[me] == ASLEEP -> st[me] = AWAKE; who[me] = me + 1 }
    :: !SLEEPER_LOOKS_AGAIN || st[me] != ASLEEP ->
        atomic { wake[me] || MORE ->
            wake[me] = false;
            if
            :: st[me] == ASLEEP -> st[me] = AWAKE; assert(who[me] == 0); who[me] = me + 1
            :: ASKS_FOR_IT -> st[me] = WANTED
            :: else
            fi
        };
        do
        :: st[me] == AWAKE -> break
        :: atomic { TAKES_WHEN_LEFT -> st[me] = AWAKE; assert(who[me] == 0); who[me] = me + 1 }
        :: atomic { st[me] != AWAKE && wake[me] -> wake[me] = false }
        od
    fi;
    need[me] = false
}

proctype owner(byte me) {
    byte m, c, d, x, nx, got, b0, b1;
    bool left, tell;

    do
    :: ql[me] == 0 -> sleep()
    :: ql[me] > 0 || MORE ->
#ifdef REAP_LATE
        T1(me);
        atomic { TAKEABLE(me) -> take_and_run(me) };
        atomic { if :: MORE -> reap() :: skip fi; route() };
#else
        atomic { T1(me) -> if :: MORE -> reap() :: ql[me] > 0 fi };
#ifdef TAKE_LOOKS_LATE
        atomic { TAKEABLE(me) -> take_and_run(me) };
        atomic { T1_LATE(me) -> route() };
#else
        atomic { TAKEABLE(me) -> take_and_run(me); route() };
#endif
#endif
        if
        :: b0 || b1 -> flush(); look_in()
        :: else
        fi
    od
}

/* A thread without keys of its own: it sends, and visits. */
proctype sender(byte me) {
    byte m, c, d, x, nx, got, b0, b1;
    bool left, tell;

    do
    :: atomic { MORE -> reap(); route() };
        flush();
        look_in()
    :: else -> break
    od
}

/* Nothing can move any more. */
inline judge() {
    d_step {
        for (i : 0 .. 1) {
            assert(ql[i] == 0);
            assert(!need[i]);
            assert(!ol[i]);
        }
        for (i : 0 .. NC - 1) { assert(done[i] == mask[i]) }
    }
}

/* What the pipelines touch: either given from outside (-DM0=.. to -DM5=..), so that a script can go through all
 * of them, or chosen from the shapes a cycle over two shards needs: its four turning points are two commands on
 * both shards, two pipelines over both shards, or one of each.  The two shards are alike. */
inline shape(i) {
    if
    :: mask[2 * i] = 1; mask[2 * i + 1] = 2
    :: mask[2 * i] = 2; mask[2 * i + 1] = 1
    :: mask[2 * i] = 3
    fi
}

inline shapes() {
#ifdef M0
    mask[0] = M0; mask[1] = M1; mask[2] = M2; mask[3] = M3; mask[4] = M4; mask[5] = M5
#else
    shape(0);
    shape(1);
    if
    :: mask[4] = 1; mask[5] = 2
    :: mask[4] = 3
    :: mask[4] = 1
    fi
#endif
}

init {
    byte i;
    atomic {
        shapes();
        for (i : 0 .. 2) { after[2 * i] = 1 << (2 * i + 1) }
        i = 0;
        who[0] = 1;
        who[1] = 2;
        run owner(0);
        run owner(1);
        run sender(2)
    }
    timeout -> judge()
}
