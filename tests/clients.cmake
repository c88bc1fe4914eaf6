# Clients from npm against the simulator: one test per client and transport that it has. scripts/setup-clients installs the
# packages; without them the tests are reported as skipped.
find_package(Python3 COMPONENTS Interpreter REQUIRED)

function(client_test name)
  add_test(NAME clients.${name} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/clients/run.py ${ARGN})
  set_tests_properties(clients.${name} PROPERTIES LABELS clients SKIP_RETURN_CODE 77 TIMEOUT 240)
endfunction()

client_test(witness witness)
if(TARGET shardyard)
  foreach(client IN ITEMS discordjs_ws discord_js eris discordeno)
    set(transports none zlib)
    if(client STREQUAL discord_js) # its zlib-stream needs a package that compiles at installation
      set(transports none)
    elseif(client STREQUAL discordeno)
      list(APPEND transports zstd)
    endif()
    foreach(transport IN LISTS transports)
      client_test(${client}.${transport} ${client} ${transport} --shardyard $<TARGET_FILE:shardyard>)
    endforeach()
  endforeach()
endif()
