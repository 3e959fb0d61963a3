cwtch_test(pirbench_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/pirbench_experiment_test.cpp ${CMAKE_CURRENT_LIST_DIR}/pirbench_params_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/pirbench_run_test.cpp
  LINKS cwtch::pirbench)
