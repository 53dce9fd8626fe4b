"""Random commands of the string, bitmap and key families, drawn from a seed.

The keys are few, so that commands meet; the values are what breaks programs: limits of integers, numbers in odd
spellings, empty and binary text. Times to live are long or past, never in between, so that replies do not depend on how fast
the test runs. What is left to chance by Redis itself (RANDOMKEY, cursors, the order of KEYS) is left out or compared without
order. DBSIZE counts keys that have expired until somebody finds them, so only its kind is compared.
"""

import random

INT64_MAX = (1 << 63) - 1
INTEGERS = [b"0", b"1", b"-1", b"2", b"7", b"10", b"100", b"-100", b"4294967295", b"4294967296",
            b"%d" % INT64_MAX, b"%d" % (INT64_MAX - 1), b"-%d" % INT64_MAX, b"-%d" % (INT64_MAX + 1),
            b"%d" % (INT64_MAX + 1), b"18446744073709551616"]
ODD = [b"", b"abc", b" 1", b"1 ", b"+1", b"01", b"1.5", b"-0", b"0x10", b"1e3", b"nan", b"inf", b"-inf", b"1e400",
       b"\x00", b"\xff\xfe\x00\x01", b"a\r\nb"]
FLOATS = [b"0.1", b"-2.5", b"3.0", b"1e10", b"1e-7", b"123456789.123456789", b"5.0e3", b"1e17"]
TEXTS = [b"hello", b"foobar", b"\xff\xf0\x00", b"\x00\x00\x00", b"\xff\xff\xff", b"x" * 43, b"y" * 45, b"z" * 200,
         b"0123456789" * 30]
OFFSETS = [b"0", b"1", b"2", b"3", b"5", b"7", b"8", b"15", b"16", b"31", b"64", b"100", b"-1", b"-2", b"-5", b"-100",
           b"1000"]
TYPES = [b"u8", b"i8", b"u1", b"i5", b"u16", b"i64", b"u63", b"u64", b"i65", b"i1", b"u32", b"x8"]


class Generator:
    """An endless list of (rule of comparison, command), the same for the same seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.keys = [b"k%d" % i for i in range(8)] + [b"{t}a", b"{t}b"]
        self.makers = [(weight, getattr(self, name)) for name, weight in self.WEIGHTS.items()]
        self.given = set()
        self.total = sum(weight for weight, _ in self.makers)

    WEIGHTS = {"set_": 14, "get": 8, "count": 10, "count_float": 4, "text": 8, "range_": 6, "many": 9, "expire": 10,
               "time_left": 8, "bits": 10, "bit_ranges": 6, "bit_operation": 4, "fields": 8, "keys_": 9, "move": 9,
               "lcs": 2, "database": 3, "odd_arity": 2, "look": 4}

    def pick(self, *groups):
        return self.random.choice(self.random.choice(groups))

    def key(self):
        return self.random.choice(self.keys)

    def some_keys(self, least=1, most=4):
        return [self.key() for _ in range(self.random.randint(least, most))]

    def value(self):
        return self.pick(INTEGERS, ODD, FLOATS, TEXTS, TEXTS)

    def number(self):
        return self.random.choice(INTEGERS[:8]) if self.random.random() < 0.7 else self.pick(INTEGERS, ODD)

    def offset(self):
        return self.random.choice(OFFSETS) if self.random.random() < 0.93 else self.pick(INTEGERS[-8:], ODD)

    def future(self):
        """Seconds, far from all others that were given out: which of two is later must not depend on the clock."""
        while True:
            seconds = self.random.randrange(1000, 100000000, 100)
            if seconds not in self.given:
                self.given.add(seconds)
                return b"%d" % seconds

    def seconds(self):
        return self.future() if self.random.random() < 0.6 else self.random.choice([b"0", b"-1", b"abc", b"%d" % INT64_MAX])

    def past_or_future(self):
        return self.pick([b"33177117420", b"33177117421"], [b"1", b"0", b"-1"])

    def __next__(self):
        at = self.random.randrange(self.total)
        for weight, make in self.makers:
            at -= weight
            if at < 0:
                made = make()
                return made if isinstance(made, tuple) else ("exact", made)
        raise AssertionError

    def set_(self):
        command = [b"SET", self.key(), self.value()]
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2, 3])):
            command += self.random.choice([
                [b"NX"], [b"XX"], [b"GET"], [b"KEEPTTL"], [b"EX", self.seconds()], [b"PX", self.future() + b"000"],
                [b"EXAT", self.past_or_future()], [b"PXAT", self.past_or_future() + b"000"], [b"nx"], [b"BAD"]])
        return self.random.choice([command, command, command, [b"SETNX", self.key(), self.value()],
                                   [b"GETSET", self.key(), self.value()], [b"SETEX", self.key(), self.seconds(), b"v"],
                                   [b"PSETEX", self.key(), self.future() + b"000", self.value()]])

    def get(self):
        option = self.random.choice([[], [b"PERSIST"], [b"EX", self.seconds()], [b"EXAT", self.past_or_future()],
                                     [b"BAD"]])
        return self.random.choice([[b"GET", self.key()], [b"GET", self.key()], [b"STRLEN", self.key()],
                                   [b"GETDEL", self.key()], [b"GETEX", self.key(), *option]])

    def count(self):
        return self.random.choice([[b"INCR", self.key()], [b"DECR", self.key()], [b"INCRBY", self.key(), self.number()],
                                   [b"DECRBY", self.key(), self.number()]])

    def count_float(self):
        return [b"INCRBYFLOAT", self.key(), self.pick(FLOATS, FLOATS, ODD, INTEGERS[:8])]

    def text(self):
        return self.random.choice([[b"APPEND", self.key(), self.value()],
                                   [b"SETRANGE", self.key(), self.offset(), self.value()]])

    def range_(self):
        return [self.random.choice([b"GETRANGE", b"GETRANGE", b"SUBSTR"]), self.key(), self.offset(), self.offset()]

    def many(self):
        keys = self.some_keys()
        pairs = [word for key in keys for word in (key, self.value())]
        return self.random.choice([[b"MGET", *keys], [b"MSET", *pairs], [b"MSETNX", *pairs], [b"MSET", *pairs, b"odd"]])

    def expire(self):
        conditions = self.random.choice([[], [], [b"NX"], [b"XX"], [b"GT"], [b"LT"], [b"XX", b"GT"], [b"NX", b"GT"],
                                         [b"BAD"]])
        return self.random.choice([
            [b"EXPIRE", self.key(), self.seconds(), *conditions], [b"PEXPIRE", self.key(), self.future() + b"000", *conditions],
            [b"EXPIREAT", self.key(), self.past_or_future(), *conditions],
            [b"PEXPIREAT", self.key(), self.past_or_future() + b"000", *conditions], [b"PERSIST", self.key()]])

    def time_left(self):
        return ("near:5000", [self.random.choice([b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"]), self.key()])

    def bits(self):
        offset = self.random.choice([b"0", b"3", b"7", b"8", b"100", b"1023", b"-1", b"4294967296", b"abc"])
        return self.random.choice([[b"SETBIT", self.key(), offset, self.random.choice([b"0", b"1", b"1", b"2"])],
                                   [b"GETBIT", self.key(), offset]])

    def bit_ranges(self):
        unit = self.random.choice([[], [b"BIT"], [b"BYTE"], [b"BAD"]])
        ends = [self.offset(), self.offset()]
        return self.random.choice([[b"BITCOUNT", self.key()], [b"BITCOUNT", self.key(), *ends, *unit],
                                   [b"BITPOS", self.key(), self.random.choice([b"0", b"1", b"1", b"2"]), *ends, *unit],
                                   [b"BITPOS", self.key(), b"0", ends[0]], [b"BITPOS", self.key(), b"1"]])

    def bit_operation(self):
        return [b"BITOP", self.random.choice([b"AND", b"OR", b"XOR", b"NOT", b"BAD"]), self.key(), *self.some_keys(1, 3)]

    def fields(self):
        command = [self.random.choice([b"BITFIELD", b"BITFIELD", b"BITFIELD", b"BITFIELD_RO"]), self.key()]
        for _ in range(self.random.randint(0, 3)):
            kind = self.random.choice(TYPES)
            offset = self.random.choice([b"0", b"1", b"8", b"#0", b"#1", b"#3", b"100", b"-1", b"x"])
            command += self.random.choice([[b"GET", kind, offset], [b"SET", kind, offset, self.number()],
                                           [b"INCRBY", kind, offset, self.number()],
                                           [b"OVERFLOW", self.random.choice([b"SAT", b"FAIL", b"WRAP", b"BAD"])]])
        return command

    def keys_(self):
        return self.random.choice([[b"DEL", *self.some_keys()], [b"UNLINK", *self.some_keys()],
                                   [b"EXISTS", *self.some_keys()], [b"TOUCH", *self.some_keys()], [b"TYPE", self.key()]])

    def move(self):
        option = self.random.choice([[], [], [b"REPLACE"], [b"DB", b"1"], [b"DB", b"1", b"REPLACE"], [b"BAD"]])
        return self.random.choice([[b"RENAME", self.key(), self.key()], [b"RENAMENX", self.key(), self.key()],
                                   [b"COPY", self.key(), self.key(), *option],
                                   [b"MOVE", self.key(), self.random.choice([b"0", b"1", b"16", b"x"])]])

    def lcs(self):
        return [b"LCS", self.key(), self.key(),
                *self.random.choice([[], [b"LEN"], [b"IDX"], [b"IDX", b"MINMATCHLEN", b"2", b"WITHMATCHLEN"]])]

    def database(self):
        return self.random.choice([[b"SELECT", self.random.choice([b"0", b"0", b"1", b"16"])], [b"SWAPDB", b"0", b"1"],
                                   ("type", [b"DBSIZE"]),
                                   [b"FLUSHDB"] if self.random.random() < 0.1 else [b"SELECT", b"0"]])

    def look(self):
        return ("unordered", [b"KEYS", self.random.choice([b"*", b"k*", b"k[0-3]", b"*a", b"{t}?", b"k[^1]"])])

    def odd_arity(self):
        name = self.random.choice([b"SET", b"GET", b"MSET", b"BITFIELD", b"GETRANGE", b"EXPIRE", b"COPY", b"INCR"])
        return [name, *[self.key() for _ in range(self.random.randint(0, 2))]]
