# The benches' own parts, without measuring anything: what loadgen counts is what a server has, and rows are computed right.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(peer "")
if(CWTCH_BENCH)
  set(peer $<TARGET_FILE:sqlite_posts>)
endif()
add_test(NAME bench_smoke COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/bench_smoke.py $<TARGET_FILE:loadgen> ${peer})
set_tests_properties(bench_smoke PROPERTIES LABELS e2e TIMEOUT 120)
