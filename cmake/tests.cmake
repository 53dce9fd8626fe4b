# Tests. What a file is, its place says:
#   test/unit/<source path>/<stem>_test.c   a Criterion program, label unit, linked with its layer and what that uses
#   test/stress|sim|prop/*.c                plain programs, label stress, sim, prop, linked with every layer
#   test/fuzz/<name>_fuzz.c                 libFuzzer programs (BASALT_FUZZ), label fuzz, corpus in test/fuzz/corpus/<name>
#   test/support/*.c                        helpers for all of them
# Tests may include any header of the tree.
get_property(layers GLOBAL PROPERTY BASALT_LAYERS)
set(test_bin ${CMAKE_BINARY_DIR}/test)

# A sanitizer's report goes to a file: Criterion hides what its workers print, and a leaking test still exits with 0.
# The fixture makes ctest itself fail when a run of tests has left such a file.
set(sanitizer_logs ${CMAKE_BINARY_DIR}/sanitizer-logs)
set(sanitizer_env
    "ASAN_OPTIONS=log_path=${sanitizer_logs}/asan:detect_stack_use_after_return=1"
    "UBSAN_OPTIONS=log_path=${sanitizer_logs}/ubsan:print_stacktrace=1"
    "TSAN_OPTIONS=log_path=${sanitizer_logs}/tsan:suppressions=${CMAKE_SOURCE_DIR}/cmake/sanitizers/tsan.supp")
if(BASALT_SANITIZE)
    add_test(NAME sanitizer-logs-begin COMMAND ${CMAKE_COMMAND} -E rm -rf ${sanitizer_logs})
    add_test(NAME sanitizer-logs-dir COMMAND ${CMAKE_COMMAND} -E make_directory ${sanitizer_logs})
    add_test(NAME sanitizer-logs-empty COMMAND ${CMAKE_SOURCE_DIR}/cmake/sanitizers/check_logs.sh ${sanitizer_logs})
    set_tests_properties(sanitizer-logs-begin PROPERTIES FIXTURES_SETUP sanitizer_logs LABELS fixture)
    set_tests_properties(sanitizer-logs-dir PROPERTIES FIXTURES_SETUP sanitizer_logs LABELS fixture
                         DEPENDS sanitizer-logs-begin)
    set_tests_properties(sanitizer-logs-empty PROPERTIES FIXTURES_CLEANUP sanitizer_logs LABELS fixture)
endif()

# gcc 12's TSan cannot place its shadow memory when the kernel randomises addresses widely.
set(launcher "")
if(BASALT_SANITIZE MATCHES thread)
    find_program(SETARCH setarch)
    if(SETARCH)
        set(launcher ${SETARCH} -R)
    endif()
endif()

file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/support/*.c)
add_library(test_support INTERFACE)
if(support)
    add_library(test_support_objects STATIC ${support})
    target_include_directories(test_support_objects PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(test_support_objects PRIVATE basalt_flags)
    target_link_libraries(test_support INTERFACE test_support_objects)
endif()

# test_program(source label seconds libs...): one program, one ctest entry named by the path below test/.
function(test_program source label seconds)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR}/test OUTPUT_VARIABLE path)
    string(REGEX REPLACE "\\.c$" "" name ${path})
    string(REPLACE "/" "_" target ${name})
    add_executable(${target} ${source})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${test_bin})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE test_support ${ARGN} basalt_flags)
    if(NOT label STREQUAL fuzz)
        add_test(NAME ${name} COMMAND ${launcher} $<TARGET_FILE:${target}> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds} ENVIRONMENT "${sanitizer_env}")
        if(BASALT_SANITIZE)
            set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED sanitizer_logs)
        endif()
    endif()
endfunction()

if(BASALT_FUZZ)
    set(BASALT_FUZZ_SECONDS 30 CACHE STRING "Seconds for each fuzz target under ctest")
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/fuzz/*_fuzz.c)
    math(EXPR limit "${BASALT_FUZZ_SECONDS} * 2 + 60")
    foreach(source ${sources})
        test_program(${source} fuzz ${limit} ${layers})
        cmake_path(GET source STEM stem)
        string(REGEX REPLACE "_fuzz$" "" name ${stem})
        target_link_options(fuzz_${stem} PRIVATE -fsanitize=fuzzer)
        # New inputs go to the build folder; the committed corpus is only read.
        file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${name} ${CMAKE_BINARY_DIR}/crashes)
        set(seeds "")
        if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/test/fuzz/corpus/${name})
            set(seeds ${CMAKE_SOURCE_DIR}/test/fuzz/corpus/${name})
        endif()
        add_test(NAME fuzz/${name}
                 COMMAND $<TARGET_FILE:fuzz_${stem}> -max_total_time=${BASALT_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048
                         -artifact_prefix=${CMAKE_BINARY_DIR}/crashes/${name}- -verbosity=0 -print_final_stats=1
                         ${CMAKE_BINARY_DIR}/corpus/${name} ${seeds}
                 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT ${limit})
    endforeach()
    return()
endif()

# Criterion aborts under TSan, so that build has the plain programs only.
if(NOT BASALT_SANITIZE MATCHES thread)
    pkg_lib(criterion criterion)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/unit/*_test.c)
    foreach(source ${sources})
        # test/unit/core/ds/dict_test.c belongs to the layer core_ds.
        cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR}/test/unit OUTPUT_VARIABLE path)
        cmake_path(GET path PARENT_PATH folder)
        string(REPLACE "/" "_" layer "${folder}")
        if(NOT layer IN_LIST layers)
            set(layer ${layers})
        endif()
        test_program(${source} unit 300 ${layer} lib_criterion)
    endforeach()
endif()

# The simulators that use test/sim/world run the real shards, compiled a second time with their yield points
# (shards/yield.h), in one thread.
# For each planted bug (shards/planted.h) there is one more of them, which must find it.
file(GLOB shard_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/shards/*.c)
list(REMOVE_ITEM shard_sources ${CMAKE_SOURCE_DIR}/shards/main.c)
file(GLOB sim_world CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/sim/world/*.c)
file(GLOB sim_programs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/sim/*.c)
set(sim_layers ${layers})
list(REMOVE_ITEM sim_layers shards)
set(planted_sources "")
foreach(source ${shard_sources})
    file(STRINGS ${source} uses REGEX "include \"shards/planted\\.h\"")
    if(uses)
        list(APPEND planted_sources ${source})
    endif()
endforeach()
set(unplanted_sources ${shard_sources})
list(REMOVE_ITEM unplanted_sources ${planted_sources})

function(sim_library name)
    add_library(${name} OBJECT EXCLUDE_FROM_ALL ${ARGN})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_definitions(${name} PRIVATE BASALT_YIELD=1)
    target_link_libraries(${name} PRIVATE basalt_flags lib_ck)
endfunction()

if(NOT BASALT_SANITIZE MATCHES thread)
    sim_library(sim_shards ${unplanted_sources} ${sim_world})
    sim_library(sim_rules ${planted_sources})
    foreach(source ${sim_programs})
        file(STRINGS ${source} uses REGEX "include \"test/sim/world/")
        if(uses)
            test_program(${source} sim 600 sim_shards sim_rules ${sim_layers} lib_ck)
        else()
            test_program(${source} sim 600 ${layers})
        endif()
    endforeach()
endif()

# A planted bug may do worse than break a promise: sanitizers have no say in it.
if(NOT BASALT_SANITIZE)
    foreach(bug RANGE 1 9)
        set(program shards_sim)
        if(bug GREATER 5)
            set(program lives_sim)
        endif()
        sim_library(sim_rules_${bug} ${planted_sources})
        target_compile_options(sim_rules_${bug} PRIVATE -UBASALT_PLANTED -DBASALT_PLANTED=${bug})
        add_executable(sim_planted_${bug} ${CMAKE_SOURCE_DIR}/test/sim/${program}.c)
        set_target_properties(sim_planted_${bug} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${test_bin})
        target_include_directories(sim_planted_${bug} PRIVATE ${CMAKE_SOURCE_DIR})
        target_link_libraries(sim_planted_${bug} PRIVATE sim_shards sim_rules_${bug} ${sim_layers} test_support lib_ck
                              basalt_flags)
        add_test(NAME sim/planted_${bug} COMMAND sim_planted_${bug} --must-fail 3000)
        set_tests_properties(sim/planted_${bug} PROPERTIES LABELS sim TIMEOUT 600)
    endforeach()
endif()

foreach(kind stress prop)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/${kind}/*.c)
    foreach(source ${sources})
        test_program(${source} ${kind} 600 ${layers})
    endforeach()
endforeach()
