# Compiler flags. Everything compiled here links `basalt_flags`; nothing is set globally except what a sanitizer or
# link-time optimisation needs in every object.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Debug CACHE STRING "Debug or Release" FORCE)
endif()
# -O1 in debug builds: the compiler's flow analysis, and therefore many warnings, needs an optimiser.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")

add_library(basalt_flags INTERFACE)
target_compile_definitions(basalt_flags INTERFACE _GNU_SOURCE)
target_compile_options(basalt_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wstrict-prototypes -Wvla -Wundef
    -fno-omit-frame-pointer
    # __FILE__ is the path from the repository root, whatever the checkout is called.
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(BASALT_WERROR)
    target_compile_options(basalt_flags INTERFACE -Werror)
endif()
if(CMAKE_C_COMPILER_ID MATCHES Clang)
    # GNU's `, ##__VA_ARGS__` and empty variadic parts are accepted by gcc's -Wpedantic in system macros only;
    # clang also complains where the project calls such a macro.
    target_compile_options(basalt_flags INTERFACE -Wno-gnu-zero-variadic-macro-arguments)
endif()

# Always 0 or 1, so that -Wundef holds and `#if BASALT_HOSTILE` reads naturally.
set(hostile 0)
if(BASALT_HOSTILE)
    set(hostile 1)
endif()
target_compile_definitions(basalt_flags INTERFACE BASALT_HOSTILE=${hostile} BASALT_PLANTED=${BASALT_PLANTED})

set(sanitize ${BASALT_SANITIZE})
if(BASALT_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "BASALT_FUZZ needs clang: libFuzzer is part of it")
    endif()
    set(sanitize "address,undefined,fuzzer-no-link")
endif()
if(sanitize)
    add_compile_options(-fsanitize=${sanitize} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${sanitize})
endif()
if(BASALT_COVERAGE)
    add_compile_options(--coverage -O0)
    add_link_options(--coverage)
endif()
if(BASALT_LTO)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    if(CMAKE_C_COMPILER_ID STREQUAL GNU)
        # Plain -flto links with one thread and says so in a warning.
        set(CMAKE_C_COMPILE_OPTIONS_IPO -flto=auto -fno-fat-lto-objects)
        set(CMAKE_C_LINK_OPTIONS_IPO -flto=auto)
    endif()
endif()
