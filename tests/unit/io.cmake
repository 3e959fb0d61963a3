cwtch_test(io_test LABELS unit threads LINKS cwtch::io SOURCES
           ${CMAKE_CURRENT_LIST_DIR}/io_sockets_test.cpp ${CMAKE_CURRENT_LIST_DIR}/io_time_and_threads_test.cpp
           ${CMAKE_CURRENT_LIST_DIR}/io_files_test.cpp ${CMAKE_CURRENT_LIST_DIR}/io_refused_test.cpp)
