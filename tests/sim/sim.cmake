cwtch_test(sim_disk_test LABELS sim unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_disk_test.cpp LINKS cwtch::sim)
cwtch_test(sim_world_test LABELS sim unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_world_test.cpp LINKS cwtch::sim)
cwtch_test(log_crash_test LABELS sim SOURCES ${CMAKE_CURRENT_LIST_DIR}/log_crash_test.cpp LINKS cwtch::simulate cwtch::log)
cwtch_test(log_mutant_test LABELS sim SOURCES ${CMAKE_CURRENT_LIST_DIR}/log_mutant_test.cpp LINKS cwtch::simulate cwtch::log_mutants)
cwtch_test(log_fault_test LABELS sim SOURCES ${CMAKE_CURRENT_LIST_DIR}/log_fault_test.cpp LINKS cwtch::simulate cwtch::log)
cwtch_test(poll_delivery_test LABELS sim heavy SOURCES ${CMAKE_CURRENT_LIST_DIR}/poll_delivery_test.cpp
  LINKS cwtch::client cwtch::sim cwtch::trace OpenSSL::Crypto nlohmann_json::nlohmann_json)
# Forty groups, which takes a minute or two.
add_test(NAME poll_delivery_full_test COMMAND poll_delivery_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(poll_delivery_full_test PROPERTIES LABELS "sim;long;heavy" TIMEOUT 3600
                     ENVIRONMENT "CWTCH_DELIVERY_GROUPS=40;CWTCH_DELIVERY_SEED=11")
