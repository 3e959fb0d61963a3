cwtch_test(sim_disk_test LABELS sim unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_disk_test.cpp LINKS cwtch::sim)
cwtch_test(sim_world_test LABELS sim unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_world_test.cpp LINKS cwtch::sim)
