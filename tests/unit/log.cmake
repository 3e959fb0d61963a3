cwtch_test(log_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/log_format_test.cpp ${CMAKE_CURRENT_LIST_DIR}/log_frame_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/log_index_block_test.cpp ${CMAKE_CURRENT_LIST_DIR}/log_manifest_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/log_retention_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/log_writer_test.cpp
  LINKS cwtch::log cwtch::sim)
