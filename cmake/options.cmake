# Compiler options that hold for every target. Each line that is not obvious says why.

set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # hardening; and pir/ will load schemes from shared objects
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wconversion -Wno-sign-conversion
                    -Wno-missing-field-initializers)  # designated initialisers name what matters and leave the defaults
add_compile_options(-fno-omit-frame-pointer -fstack-protector-strong)
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>")  # one ABI for engine, tools and tests: no typeinfo anywhere
if(NOT CWTCH_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_FORTIFY_SOURCE=2)  # needs optimisation, and hides what the sanitizers look for
endif()
add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")  # a build says nothing about the machine it was made on

# Lines and functions, which is what a backtrace shows. Variables, for a debugger, are in preset dev: they took a fifth of
# the time of compiling.
string(REPLACE "-O2 -g" "-O2 -fno-plt -g1" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")

if(CWTCH_SANITIZE)
  # vptr needs typeinfo, which nothing here has.
  add_compile_options(-fsanitize=${CWTCH_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CWTCH_SANITIZE})
  if(CWTCH_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()
if(CWTCH_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "CWTCH_FUZZ needs clang: configure with -DCMAKE_CXX_COMPILER=clang++ (preset fuzz does)")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# A third of the CPU time that ld takes, which links some sixty programs in each build.
find_program(CWTCH_LLD ld.lld)
if(CWTCH_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# Sloppiness: without it nothing that uses a precompiled header is cached. Depend mode: a miss costs no run of the
# preprocessor, and in a fresh clone everything is a miss.
find_program(CWTCH_CCACHE ccache)
if(CWTCH_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime
      ${CWTCH_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CWTCH_CCACHE})
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")  # as ccache needs it
endif()
