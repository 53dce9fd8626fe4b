"""Random commands over keys of all types, drawn from a seed.

Few keys and few members, so that commands meet keys of every type, their own and wrong ones; small, odd and long members,
so that every encoding is reached and left. What is compared how:

* Sets, and hashes once they are tables, have an order of their own in every server: their replies are compared without order.
* Commands that pick at random change data at random, so they are asked for all members, or only the kind of reply counts.
* Ranges of texts mean something only where all scores are equal: they have a key of their own.
* No member has a zero byte: SORT ALPHA of Redis compares texts up to the first one.
* Since Redis 7.2 XREADGROUP makes its consumer also when there is nothing to read; whether one is new is not compared.
* No number overflows: Redis 7.0 then takes the next SORT's weights for wrong, whatever they are.
* Scores are numbers that have one spelling in Redis 7.0 and 8 (7.0 writes 17 digits).
* DEBUG DIGEST is compared every now and then: it is the same for the same data, whatever the encodings.

A maker whose commands the server does not have yet is left out; `known` is the server's own list.
"""

import random

from random_commands import Generator

MEMBERS = [b"a", b"b", b"c", b"d", b"e", b"f", b"10", b"-5", b"0", b"7", b"300", b"70000", b"4294967296",
           b"9223372036854775807", b"-9223372036854775808", b"01", b"", b"\xff\xfe", b"m" * 70, b"long" * 40]
SCORES = [b"0", b"1", b"2", b"3", b"-1", b"1.5", b"-2.25", b"0.125", b"100", b"65536", b"1000000", b"inf", b"-inf"]
BAD_SCORES = [b"nan", b"abc", b"", b"(1"]
RANKS = [b"0", b"1", b"2", b"5", b"-1", b"-2", b"-3", b"100", b"-100"]
COUNTS = [b"0", b"1", b"2", b"3", b"10", b"-1", b"-2", b"abc"]
BOUNDS = [b"-inf", b"+inf", b"0", b"1", b"(1", b"2", b"(2", b"-1", b"1.5", b"(-inf", b"abc"]
LEX = [b"-", b"+", b"[a", b"(a", b"[c", b"(d", b"[", b"(", b"x"]
IDS = [b"0-1", b"1-0", b"1-1", b"2-0", b"3-0", b"5-5", b"10-0", b"100", b"100-1", b"1000-*", b"0-0", b"-", b"+", b"abc"]


class TypesGenerator(Generator):
    """An endless list of (rule of comparison, command), the same for the same seed and the same known commands."""

    WEIGHTS = {"list_write": 22, "list_read": 10, "list_cut": 8, "list_move": 8, "set_write": 14, "set_read": 8,
               "set_algebra": 10, "hash_write": 16, "hash_read": 10, "zset_write": 18, "zset_read": 16, "zset_cut": 8, "lex": 5,
               "zset_algebra": 8, "stream_write": 10, "stream_read": 6, "stream_group": 10, "sort_": 12, "hll": 4,
               "string": 6, "keys_": 5, "move": 6, "expire": 4, "time_left": 3, "digest": 3, "big": 1, "type_": 4}
    NAMES = {"list_write": "rpush", "list_read": "lrange", "list_cut": "ltrim", "list_move": "lmove", "set_write": "sadd",
             "set_read": "smembers", "set_algebra": "sinterstore", "hash_write": "hset", "hash_read": "hgetall",
             "zset_write": "zadd", "zset_read": "zrange", "zset_cut": "zremrangebyrank", "lex": "zrangebylex", "zset_algebra": "zunionstore",
             "stream_write": "xadd", "stream_read": "xrange", "stream_group": "xgroup", "sort_": "sort", "hll": "pfadd",
             "big": "rpush"}

    def __init__(self, seed, known):
        super().__init__(seed)
        self.keys = [b"k%d" % i for i in range(7)] + [b"{t}a"]
        self.makers = [(weight, getattr(self, name)) for name, weight in self.WEIGHTS.items()
                       if self.NAMES.get(name, "get") in known]
        self.total = sum(weight for weight, _ in self.makers)

    def member(self):
        if self.random.random() < 0.15:
            return b"%d" % self.random.randrange(-40000, 40000)
        return self.random.choice(MEMBERS)

    def members(self, most=5):
        return [self.member() for _ in range(self.random.randint(1, most))]

    def score(self):
        return self.random.choice(SCORES) if self.random.random() < 0.97 else self.random.choice(BAD_SCORES)

    def rank(self):
        return self.random.choice(RANKS) if self.random.random() < 0.97 else b"x"

    # ---- lists ----

    def list_write(self):
        key = self.key()
        return self.random.choice([
            [b"RPUSH", key, *self.members()], [b"LPUSH", key, *self.members()], [b"RPUSHX", key, *self.members(2)],
            [b"LPUSHX", key, self.member()], [b"LSET", key, self.rank(), self.member()],
            [b"LINSERT", key, self.random.choice([b"BEFORE", b"AFTER", b"after", b"BAD"]), self.member(), self.member()]])

    def list_read(self):
        key = self.key()
        option = self.random.choice([[], [b"RANK", self.random.choice([b"1", b"-1", b"2", b"0"])], [b"COUNT", b"0"],
                                     [b"COUNT", b"2", b"MAXLEN", b"3"], [b"BAD"]])
        return self.random.choice([[b"LRANGE", key, self.rank(), self.rank()], [b"LINDEX", key, self.rank()],
                                   [b"LLEN", key], [b"LPOS", key, self.member(), *option]])

    def list_cut(self):
        key = self.key()
        count = self.random.choice([[], [], [self.random.choice(COUNTS)]])
        return self.random.choice([
            [b"LPOP", key, *count], [b"RPOP", key, *count], [b"LTRIM", key, self.rank(), self.rank()],
            [b"LREM", key, self.random.choice([b"0", b"1", b"-1", b"2"]), self.member()],
            [b"LMPOP", b"2", self.key(), self.key(), self.random.choice([b"LEFT", b"RIGHT"]), b"COUNT", b"2"]])

    def list_move(self):
        ends = [self.random.choice([b"LEFT", b"RIGHT", b"left"]), self.random.choice([b"LEFT", b"RIGHT"])]
        return self.random.choice([[b"LMOVE", self.key(), self.key(), *ends], [b"RPOPLPUSH", self.key(), self.key()]])

    # ---- sets ----

    def set_write(self):
        key = self.key()
        return self.random.choice([
            [b"SADD", key, *self.members()], [b"SADD", key, *self.members(12)], [b"SREM", key, *self.members()],
            [b"SMOVE", key, self.key(), self.member()], ("unordered", [b"SPOP", key, b"100000"])
            if self.random.random() < 0.3 else [b"SADD", key, b"1", b"2", b"3"]])

    def set_read(self):
        key = self.key()
        return self.random.choice([
            ("unordered", [b"SMEMBERS", key]), [b"SCARD", key], [b"SISMEMBER", key, self.member()],
            [b"SMISMEMBER", key, *self.members()], ("unordered", [b"SRANDMEMBER", key, b"100000"])])

    def set_algebra(self):
        name = self.random.choice([b"SINTER", b"SUNION", b"SDIFF"])
        keys = self.some_keys(1, 3)
        limit = self.random.choice([[], [b"LIMIT", self.random.choice([b"0", b"2", b"-1"])]])
        return self.random.choice([("unordered", [name, *keys]), [name + b"STORE", self.key(), *keys],
                                   [b"SINTERCARD", b"%d" % len(keys), *keys, *limit]])

    # ---- hashes ----

    def hash_write(self):
        key = self.key()
        pairs = [word for _ in range(self.random.randint(1, 4)) for word in (self.member(), self.member())]
        return self.random.choice([
            [b"HSET", key, *pairs], [b"HSET", key, *pairs], [b"HMSET", key, *pairs], [b"HSET", key, b"odd"],
            [b"HSETNX", key, self.member(), self.member()], [b"HDEL", key, *self.members()],
            [b"HINCRBY", key, self.member(), self.number()],
            [b"HINCRBYFLOAT", key, self.member(), self.random.choice([b"0.5", b"-2.25", b"3", b"abc", b"inf"])]])

    def hash_read(self):
        key = self.key()
        return self.random.choice([
            [b"HGET", key, self.member()], [b"HMGET", key, *self.members()], [b"HLEN", key], [b"HSTRLEN", key, self.member()],
            [b"HEXISTS", key, self.member()], ("unordered", [b"HGETALL", key]), ("unordered", [b"HKEYS", key]),
            ("unordered", [b"HVALS", key]), ("unordered", [b"HRANDFIELD", key, b"100000"])])

    # ---- sorted sets ----

    def zset_write(self):
        key = self.key()
        pairs = [word for _ in range(self.random.randint(1, 4)) for word in (self.score(), self.member())]
        options = self.random.choice([[], [], [], [b"NX"], [b"XX"], [b"GT"], [b"LT"], [b"CH"], [b"XX", b"GT", b"CH"],
                                      [b"NX", b"XX"], [b"NX", b"GT"]])
        return self.random.choice([
            [b"ZADD", key, *options, *pairs], [b"ZADD", key, *options, *pairs], [b"ZADD", key, *options, b"INCR", *pairs[:2]],
            [b"ZINCRBY", key, self.score(), self.member()], [b"ZREM", key, *self.members()]])

    def zset_read(self):
        key = self.key()
        scores = self.random.choice([[], [b"WITHSCORES"]])
        limit = self.random.choice([[], [b"LIMIT", self.random.choice([b"0", b"1", b"-1"]), self.random.choice([b"2", b"-1"])]])
        reverse = self.random.choice([[], [b"REV"]])
        bounds = [self.random.choice(BOUNDS), self.random.choice(BOUNDS)]
        ranks = [self.rank(), self.rank()]
        return self.random.choice([
            [b"ZRANGE", key, *ranks, *reverse, *scores], [b"ZREVRANGE", key, *ranks, *scores],
            [b"ZRANGE", key, *bounds, b"BYSCORE", *reverse, *limit, *scores],
            [b"ZRANGEBYSCORE", key, *bounds, *scores, *limit], [b"ZREVRANGEBYSCORE", key, *bounds, *scores, *limit],
            [b"ZCOUNT", key, *bounds], [b"ZCARD", key], [b"ZSCORE", key, self.member()], [b"ZMSCORE", key, *self.members()],
            [b"ZRANK", key, self.member()], [b"ZREVRANK", key, self.member()], ("unordered", [b"ZRANDMEMBER", key, b"100000"])])

    def zset_cut(self):
        key = self.key()
        count = self.random.choice([[], [self.random.choice(COUNTS)]])
        return self.random.choice([
            [b"ZPOPMIN", key, *count], [b"ZPOPMAX", key, *count], [b"ZREMRANGEBYRANK", key, self.rank(), self.rank()],
            [b"ZREMRANGEBYSCORE", key, self.random.choice(BOUNDS), self.random.choice(BOUNDS)],
            [b"ZRANGESTORE", self.key(), key, self.rank(), self.rank()],
            [b"ZMPOP", b"2", self.key(), self.key(), self.random.choice([b"MIN", b"MAX"])]])

    def lex(self):
        ends = [self.random.choice(LEX), self.random.choice(LEX)]
        limit = self.random.choice([[], [b"LIMIT", self.random.choice([b"0", b"1", b"-1"]), self.random.choice([b"2", b"-1"])]])
        reverse = self.random.choice([[], [b"REV"]])
        return self.random.choice([
            [b"ZADD", b"lex", b"0", self.member()], [b"ZADD", b"lex", b"0", self.member(), b"0", self.member()],
            [b"ZRANGE", b"lex", *ends, b"BYLEX", *reverse, *limit], [b"ZRANGEBYLEX", b"lex", *ends, *limit],
            [b"ZREVRANGEBYLEX", b"lex", *ends, *limit], [b"ZLEXCOUNT", b"lex", *ends], [b"ZREMRANGEBYLEX", b"lex", *ends]])

    def zset_algebra(self):
        keys = self.some_keys(1, 3)
        weights = self.random.choice([[], [b"WEIGHTS", *self.random.choices([b"1", b"2", b"-1", b"0.5"], k=len(keys))]])
        # Infinities of both signs meet in sums; what 7.0 makes of them is the same as ours.
        how = self.random.choice([[], [b"AGGREGATE", self.random.choice([b"SUM", b"MIN", b"MAX"])]])
        name = self.random.choice([b"ZUNION", b"ZINTER"])
        count = b"%d" % len(keys)
        return self.random.choice([
            [name + b"STORE", self.key(), count, *keys, *weights, *how], [b"ZDIFFSTORE", self.key(), count, *keys],
            [name, count, *keys, *weights, *how, b"WITHSCORES"], [b"ZDIFF", count, *keys, b"WITHSCORES"],
            [b"ZINTERCARD", count, *keys]])

    # ---- streams ----

    def stream_id(self):
        return self.random.choice(IDS)

    def stream_write(self):
        key = self.key()
        pairs = [word for _ in range(self.random.randint(1, 3)) for word in (self.member(), self.member())]
        trim = self.random.choice([[], [], [b"MAXLEN", b"3"], [b"MINID", b"2-0"], [b"NOMKSTREAM"]])
        number = b"%d-%d" % (self.random.randrange(1, 400), self.random.randrange(4))
        return self.random.choice([
            [b"XADD", key, *trim, number, *pairs], [b"XADD", key, *trim, number, *pairs], [b"XADD", key, self.stream_id(), *pairs],
            [b"XDEL", key, self.stream_id(), number], [b"XTRIM", key, b"MAXLEN", self.random.choice([b"0", b"1", b"5", b"x"])],
            [b"XTRIM", key, b"MINID", self.stream_id()]])

    def stream_read(self):
        key = self.key()
        count = self.random.choice([[], [b"COUNT", self.random.choice([b"0", b"1", b"2"])]])
        return self.random.choice([
            [b"XRANGE", key, self.stream_id(), self.stream_id(), *count], [b"XREVRANGE", key, b"+", b"-", *count], [b"XLEN", key],
            [b"XREAD", *count, b"STREAMS", key, self.key(), self.random.choice(IDS[:9]), b"0"], [b"XRANGE", key, b"-", b"+"]])

    def stream_group(self):
        key = self.key()
        group = self.random.choice([b"g1", b"g2", b"g3"])
        who = self.random.choice([b"alice", b"bob"])
        return self.random.choice([
            [b"XGROUP", b"CREATE", key, group, self.stream_id(), *self.random.choice([[], [b"MKSTREAM"]])],
            [b"XGROUP", b"DESTROY", key, group], ("type", [b"XGROUP", b"CREATECONSUMER", key, group, who]),
            [b"XGROUP", b"DELCONSUMER", key, group, who], [b"XGROUP", b"SETID", key, group, self.stream_id()],
            [b"XREADGROUP", b"GROUP", group, who, b"COUNT", b"2", b"STREAMS", key, self.random.choice([b">", b">", b"0", b"2-0"])],
            [b"XREADGROUP", b"GROUP", group, who, b"NOACK", b"STREAMS", key, b">"], [b"XACK", key, group, self.stream_id()],
            [b"XPENDING", key, group], ("shape", [b"XPENDING", key, group, b"-", b"+", b"10"]),
            [b"XCLAIM", key, group, who, b"0", self.stream_id(), b"1-1", *self.random.choice([[], [b"JUSTID"], [b"FORCE"]])],
            [b"XAUTOCLAIM", key, group, who, b"0", b"0", b"COUNT", b"5"]])

    # ---- the rest ----

    def sort_(self):
        options = []
        for _ in range(self.random.randint(0, 4)):
            options += self.random.choice([[b"ALPHA"], [b"DESC"], [b"ASC"], [b"LIMIT", self.rank(), self.rank()],
                                           [b"BY", b"k*"], [b"GET", b"#"], [b"GET", b"k*"], [b"GET", b"k*->a"], [b"GET", b"none"],
                                           [b"BY", b"k*->b"], [b"BAD"]])
        # Without ALPHA most members are no numbers; with BY, equal weights of texts have no order that lasts.
        if b"BY" in options:
            options = [word for word in options if word != b"ALPHA"]
        store = self.random.choice([[], [b"STORE", self.key()]])
        return self.random.choice([[b"SORT", self.key(), b"ALPHA"], [b"SORT", self.key(), *options, *store],
                                   [b"SORT_RO", self.key(), *options]])

    def hll(self):
        # Keys of their own: what is left of an HLL that APPEND has damaged depends on how its bytes are walked.
        key, other = self.random.choice([b"hll1", b"hll2"]), self.random.choice([b"hll1", b"hll2", b"none"])
        return self.random.choice([[b"PFADD", key, *self.members()], [b"PFCOUNT", key, other], [b"PFCOUNT", key],
                                   [b"PFMERGE", key, other]])

    def string(self):
        return self.random.choice([[b"SET", self.key(), self.member()], [b"GET", self.key()], [b"APPEND", self.key(), b"x"],
                                   [b"INCR", self.key()], [b"SETRANGE", self.key(), b"0", b"abc"]])

    def big(self):
        """Beyond the limits of the small encodings at once."""
        names = [b"%d" % (i * 7 % 1000) for i in range(self.random.choice([150, 600]))]
        pairs = [word for name in names for word in (name, b"v" + name)]
        scores = [word for i, name in enumerate(names) for word in (b"%d" % (i % 50), name)]
        return self.random.choice([[b"RPUSH", self.key(), *names], [b"SADD", self.key(), *names],
                                   [b"SADD", self.key(), *pairs], [b"HSET", self.key(), *pairs],
                                   [b"ZADD", self.key(), *scores]])

    def type_(self):
        return self.random.choice([[b"TYPE", self.key()], [b"EXISTS", *self.some_keys()]])

    def digest(self):
        return self.random.choice([[b"DEBUG", b"DIGEST"], [b"DEBUG", b"DIGEST-VALUE", *self.some_keys()]])
