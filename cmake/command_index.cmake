# The hash index of core/command/commands.def, computed by a program that includes that table. See
# core/command/command_index_gen.c.
set(command_index_dir ${CMAKE_BINARY_DIR}/generated/command)
file(MAKE_DIRECTORY ${command_index_dir})
add_executable(command_index_gen core/command/command_index_gen.c)
target_include_directories(command_index_gen PRIVATE ${CMAKE_BINARY_DIR}/layers/core_command/include)
add_custom_command(
    OUTPUT ${command_index_dir}/command_index.inc
    COMMAND command_index_gen > ${command_index_dir}/command_index.inc
    DEPENDS command_index_gen
    VERBATIM)
target_sources(core_command PRIVATE ${command_index_dir}/command_index.inc)
target_include_directories(core_command PRIVATE ${command_index_dir})
