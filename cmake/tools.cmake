# Targets that check or rewrite source files.
#   rules         the repository's own rules, without building
#   format        clang-format over every C file that git tracks
#   format-check  the same, changing nothing
#   tidy          clang-tidy over the layers (minutes)
#   ci            everything that CI runs
find_program(PYTHON NAMES /usr/bin/python3 python3)
find_program(RUN_CLANG_TIDY NAMES run-clang-tidy-14 run-clang-tidy)

function(tool_target name)
    add_custom_target(${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} USES_TERMINAL VERBATIM)
endfunction()

if(PYTHON)
    tool_target(rules ${PYTHON} cmake/rules.py)
    tool_target(format ${PYTHON} cmake/format.py)
    tool_target(format-check ${PYTHON} cmake/format.py --check)
    tool_target(ci cmake/test.sh)
endif()
if(RUN_CLANG_TIDY)
    tool_target(tidy ${RUN_CLANG_TIDY} -quiet -p ${CMAKE_BINARY_DIR} "${CMAKE_SOURCE_DIR}/(core|net|persist|cluster|shards)/.*")
endif()
