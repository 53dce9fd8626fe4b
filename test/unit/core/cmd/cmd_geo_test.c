/* Commands of places: what they log and store. */
#include "test/unit/core/cmd/cmd_harness.h"

STEPS_TEST(cmd_geo, geoadd_is_logged_as_zadd,
           {"GEOADD g 13.361389 38.115556 p 15.087269 37.502669 c", ":2",
            "ZADD g 3479099956230698 p 3479447370796909 c", "zadd"},
           {"GEOADD g CH 13.361389 38.115556 c", ":1", "ZADD g CH 3479099956230698 c", "zadd"},
           {"GEOADD g NX 1 1 c", ":0", "", ""}, {"GEOADD g 200 1 c", NULL, "", ""},
           {"GEOADD g 200 1 c", "-ERR invalid longitude,latitude pair 200.000000,1.000000"},
           {"GEOADD g 1 1", "-ERR wrong number of arguments for 'geoadd' command"},
           {"GEODIST g p c", "$6 0.0000"}, {"GEOHASH g p none", "*2 $11 sqc8b49rny0 $-1"},
           {"GEOPOS g p none", "*2 *2 $18 13.361389338970184 $16 38.1155563954963 *-1"}, {"@proto 3", NULL},
           {"GEOPOS g p none", "*2 *2 ,13.361389338970184 ,38.1155563954963 _"})

STEPS_TEST(cmd_geo, searches_may_be_kept, {"GEOADD g 13.361389 38.115556 p 15.087269 37.502669 c", ":2"},
           {"GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST",
            "*2 *2 $1 c $7 56.4413 *2 $1 p $8 190.4424"},
           {"GEOSEARCHSTORE out g FROMLONLAT 15 37 BYRADIUS 100 km", ":1", NULL, "geosearchstore"},
           {"GEORADIUSBYMEMBER g p 0 m STOREDIST out", ":1", NULL, "georadiusstore"},
           {"GEORADIUS g 0 0 1 m STORE out", ":0", "DEL out", "del"},
           {"GEORADIUS g 0 0 1 m STORE out", ":0", "", ""},
           {"GEOSEARCHSTORE out none FROMLONLAT 0 0 BYRADIUS 1 m", ":0", "", "keymiss"}, {"SET s v", "+OK"},
           {"GEOADD s 1 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""})
