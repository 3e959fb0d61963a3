cwtch_test(client_message_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_vectors_test.cpp ${CMAKE_CURRENT_LIST_DIR}/client_message_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/client_overlay_test.cpp ${CMAKE_CURRENT_LIST_DIR}/client_tree_test.cpp
  LINKS cwtch::client PkgConfig::libsodium nlohmann_json::nlohmann_json)
cwtch_test(client_http_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_http_test.cpp LINKS cwtch::client)
cwtch_test(client_sync_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_hostile_test.cpp ${CMAKE_CURRENT_LIST_DIR}/client_post_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/client_sync_test.cpp
  LINKS cwtch::client cwtch::sim OpenSSL::Crypto nlohmann_json::nlohmann_json)
cwtch_test(client_index_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_index_test.cpp ${CMAKE_CURRENT_LIST_DIR}/client_wanted_test.cpp
  LINKS cwtch::client cwtch::sim OpenSSL::Crypto nlohmann_json::nlohmann_json)
cwtch_test(client_foreign_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_foreign_test.cpp
  LINKS cwtch::client PkgConfig::libsodium)
add_test(NAME client_foreign_full_test COMMAND client_foreign_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(client_foreign_full_test PROPERTIES LABELS "unit;long" TIMEOUT 3600
                     ENVIRONMENT CWTCH_FOREIGN_RECORDS=4000000)
cwtch_test(client_choice_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_choice_test.cpp
  LINKS cwtch::client)
cwtch_test(client_retrieve_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_retrieve_test.cpp
  LINKS cwtch::client cwtch::sim OpenSSL::Crypto nlohmann_json::nlohmann_json)
cwtch_test(client_audit_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_audit_test.cpp
  LINKS cwtch::client cwtch::sim OpenSSL::Crypto nlohmann_json::nlohmann_json)
cwtch_test(client_store_test LABELS unit crash
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_store_test.cpp LINKS cwtch::client cwtch::sim)
cwtch_test(client_poll_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_poll_test.cpp
  LINKS cwtch::client cwtch::sim OpenSSL::Crypto nlohmann_json::nlohmann_json)
cwtch_test(client_two_worlds_test LABELS privacy
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_two_worlds_test.cpp
  LINKS cwtch::client cwtch::sim nlohmann_json::nlohmann_json OpenSSL::Crypto)
set_tests_properties(client_two_worlds_test PROPERTIES ENVIRONMENT GTEST_FILTER=*/direct)
add_test(NAME client_two_worlds_encrypted_test COMMAND client_two_worlds_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(client_two_worlds_encrypted_test PROPERTIES LABELS "privacy;heavy" TIMEOUT 900 ENVIRONMENT GTEST_FILTER=-*/direct)
# CPU-seconds per seed: direct 0.3 for each kind of visit, simplepir 1.5, ring32 3 for fetches, and for polls 3 or, with a
# day's batch, 13. A thousand seeds of ring32 run in the toy ring.
foreach(scheme_seeds direct:1000 simplepir:1000 ring32:25)
  string(REPLACE ":" ";" scheme_seeds ${scheme_seeds})
  list(GET scheme_seeds 0 scheme)
  list(GET scheme_seeds 1 seeds)
  set(name client_two_worlds_${scheme}_full_test)
  add_test(NAME ${name} COMMAND client_two_worlds_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "privacy;long" TIMEOUT 7200
                       ENVIRONMENT "CWTCH_SEEDS=${seeds};GTEST_FILTER=*/${scheme}")
endforeach()
cwtch_test(client_mutant_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_mutant_test.cpp
          ${PROJECT_SOURCE_DIR}/engine/client/index_pull.cpp ${PROJECT_SOURCE_DIR}/engine/client/poll.cpp
          ${PROJECT_SOURCE_DIR}/engine/client/question.cpp ${PROJECT_SOURCE_DIR}/engine/client/retrieve.cpp
  LINKS cwtch::client cwtch::sim OpenSSL::Crypto nlohmann_json::nlohmann_json)
target_compile_definitions(client_mutant_test PRIVATE CWTCH_MUTANTS)
cwtch_test(cwtchc_poll_text_test LABELS unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/cwtchc_poll_text_test.cpp ${PROJECT_SOURCE_DIR}/tools/cwtchc/poll_text.cpp
  LINKS cwtch::client fmt::fmt)
