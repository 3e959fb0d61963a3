cwtch_test(board_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/board_test.cpp LINKS cwtch::board)
