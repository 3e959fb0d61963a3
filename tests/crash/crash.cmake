# Real processes, killed or starved. What they test of durability is the process's part: after kill -9 the kernel still
# has what was written. Power cuts are simulated in tests/sim.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(kills_uring 100)
set(kills_epoll 30)
if(CWTCH_SANITIZE)
  set(kills_uring 15)
  set(kills_epoll 10)
endif()
foreach(io uring epoll)
  add_test(NAME crash_kill_${io}
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/kill.py $<TARGET_FILE:cwtchd> ${io} ${kills_${io}})
  set_tests_properties(crash_kill_${io} PROPERTIES LABELS crash TIMEOUT 600 SKIP_RETURN_CODE 77)
endforeach()
add_test(NAME crash_full_disk
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/full_disk.py $<TARGET_FILE:cwtchd>)
set_tests_properties(crash_full_disk PROPERTIES LABELS crash TIMEOUT 300 SKIP_RETURN_CODE 77)
