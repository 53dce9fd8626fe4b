/* version.h: our own version. What INFO calls redis_version is a directive (redis-version). */
#pragma once

#define BASALT_VERSION "0.1.0"
