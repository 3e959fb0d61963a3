cwtch_test(log_reader_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/log_reader_test.cpp ${CMAKE_CURRENT_LIST_DIR}/log_reader_cache_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/log_reader_damage_test.cpp ${CMAKE_CURRENT_LIST_DIR}/log_reader_index_test.cpp
  LINKS cwtch::log)
cwtch_test(log_reader_threads_test LABELS unit threads SOURCES ${CMAKE_CURRENT_LIST_DIR}/log_reader_threads_test.cpp
  LINKS cwtch::log)
