# add_layer(dir USES dirs... [EXCEPT files...])
#
# Makes the static library `core_base` out of core/base/*.c, and so on. The library is compiled with one include
# directory of its own, layers/<target>/include in the build folder, which holds symbolic links to its own folder and to the folders
# it was granted, and nothing else. So `#include "core/io/io.h"` inside core/resp does not find its file. What a granted
# header includes in turn must be granted too: a layer's reach is exactly what its line in CMakeLists.txt says.
#
# A layer whose folder is still empty becomes an INTERFACE library, so that the layers above it build all the same.
function(add_layer dir)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;EXCEPT")
    string(REPLACE "/" "_" target ${dir})
    set(root ${CMAKE_BINARY_DIR}/layers/${target}/include)

    # Rebuilt from nothing each time: a grant that was taken back must not linger as an old link.
    file(REMOVE_RECURSE ${root})
    foreach(granted ${dir} ${arg_USES})
        cmake_path(GET granted PARENT_PATH parent)
        file(MAKE_DIRECTORY ${root}/${parent})
        file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${granted} ${root}/${granted} SYMBOLIC)
    endforeach()

    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${dir}/*.c)
    foreach(file ${arg_EXCEPT})
        list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${dir}/${file})
    endforeach()

    if(sources)
        add_library(${target} STATIC ${sources})
        target_include_directories(${target} PRIVATE ${root})
        target_compile_options(${target} PRIVATE -fmacro-prefix-map=${root}/=)
        target_link_libraries(${target} PRIVATE basalt_flags PUBLIC Threads::Threads m)
        set(scope PUBLIC)
    else()
        add_library(${target} INTERFACE)
        set(scope INTERFACE)
    endif()
    foreach(granted ${arg_USES})
        string(REPLACE "/" "_" used ${granted})
        target_link_libraries(${target} ${scope} ${used})
    endforeach()
    set_property(GLOBAL APPEND PROPERTY BASALT_LAYERS ${target})
endfunction()

# layer_library(target lib): an external library for a layer, whether or not the layer has sources yet.
function(layer_library target lib)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL INTERFACE_LIBRARY)
        target_link_libraries(${target} INTERFACE ${lib})
    else()
        target_link_libraries(${target} PUBLIC ${lib})
    endif()
endfunction()
