# External libraries, each behind one target `lib_<name>`, so that CMakeLists.txt shows which layer uses which.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# pkg_lib(name module): a library that pkg-config knows; its headers are system headers.
function(pkg_lib name module)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
    add_library(lib_${name} INTERFACE)
    target_include_directories(lib_${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
    target_link_libraries(lib_${name} INTERFACE PkgConfig::${name})
endfunction()

pkg_lib(uring liburing)
pkg_lib(ck ck)
pkg_lib(lua lua5.4)
pkg_lib(lzf liblzf)

# xxhash is used header-only (XXH_INLINE_ALL): the header must be there, nothing is linked.
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)

# mimalloc's shared library replaces malloc in the whole process, which blinds ASan and TSan: they run without it, and
# BASALT_LIBC_MALLOC tells core/base/mem.c so.
add_library(lib_mimalloc INTERFACE)
if(BASALT_FUZZ OR BASALT_SANITIZE MATCHES "address|thread")
    target_compile_definitions(lib_mimalloc INTERFACE BASALT_LIBC_MALLOC)
else()
    find_path(MIMALLOC_INCLUDE mimalloc.h REQUIRED)
    find_library(MIMALLOC_LIBRARY mimalloc REQUIRED)
    target_link_libraries(lib_mimalloc INTERFACE ${MIMALLOC_LIBRARY})
endif()
