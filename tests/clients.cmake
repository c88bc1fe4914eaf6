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

# Bots of the same packages, and of Debian's discord.py, through Shardyard, judged by what happened, and the same plays directly at the simulator as control.
function(bot_test name)
  add_test(NAME bots.${name} COMMAND Python3::Interpreter -B ${ARGN} --shardyard $<TARGET_FILE:shardyard>)
  set_tests_properties(bots.${name} PROPERTIES LABELS bots SKIP_RETURN_CODE 77 TIMEOUT 300)
endfunction()

add_test(NAME bots.judge COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/clients/judge_test.py)
set_tests_properties(bots.judge PROPERTIES LABELS bots)
if(TARGET shardyard)
  set(bots ${CMAKE_CURRENT_SOURCE_DIR}/clients/bots.py)
  set(plays ${CMAKE_CURRENT_SOURCE_DIR}/clients/bot_plays.py)
  set(stages discord shardyard) # where the plays run: directly at the simulator, through Shardyard
  foreach(stage IN LISTS stages)
    set(suffix "")
    if(stage STREQUAL discord)
      set(suffix ".direct")
    endif()
    foreach(bot IN ITEMS discord_js.none discordjs_ws.none discordjs_ws.zlib eris.none eris.zlib oceanic.none oceanic.zlib
                         oceanic.zstd discordeno.none discordeno.zlib discordeno.zstd cloudstorm.none cloudstorm.zlib discord_py.zlib)
      string(REPLACE "." ";" words ${bot})
      bot_test(${bot}${suffix} ${bots} ${words} --through ${stage})
    endforeach()
    foreach(play IN ITEMS slash_commands side_by_side voice_wait voice_move)
      bot_test(${play}${suffix} ${plays} ${play} --through ${stage})
    endforeach()
  endforeach()
endif()
