# Clients from npm against the simulator: one test per client and transport that it has. scripts/setup-clients installs the
# packages; without them the tests are reported as skipped.

# One after the other: clients that get 500 events/s and have no time to read a heartbeat's answer before the next one is due connect once more.
function(client_test name)
  add_test(NAME clients.${name} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/clients/run.py ${ARGN})
  set_tests_properties(clients.${name} PROPERTIES LABELS clients SKIP_RETURN_CODE 77 TIMEOUT 240 PROCESSORS 2 RESOURCE_LOCK clients COST 90)
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

if(TARGET shardyard) # the busier the machine, the more its library's inflating in another thread goes wrong (run.py)
  set_tests_properties(clients.discordeno.zlib PROPERTIES RUN_SERIAL TRUE)
endif()

# Bots of the same packages, and of Debian's discord.py, through Shardyard, judged by what happened, and the same plays directly at the simulator as control.
function(bot_test name)
  add_test(NAME bots.${name} COMMAND Python3::Interpreter -B ${ARGN} --shardyard $<TARGET_FILE:shardyard>)
  set_tests_properties(bots.${name} PROPERTIES LABELS bots SKIP_RETURN_CODE 77 TIMEOUT 300 COST 16)
endfunction()

add_test(NAME bots.judge COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/clients/judge_test.py)
set_tests_properties(bots.judge PROPERTIES LABELS bots)
if(TARGET shardyard)
  set(bots ${CMAKE_CURRENT_SOURCE_DIR}/clients/bots.py)
  set(plays ${CMAKE_CURRENT_SOURCE_DIR}/clients/bot_plays.py)
  set(uncompressed discord_js.none discordjs_ws.none eris.none oceanic.none discordeno.none cloudstorm.none)
  set(compressed discordjs_ws.zlib eris.zlib oceanic.zlib discordeno.zlib cloudstorm.zlib discord_py.zlib oceanic.zstd discordeno.zstd)
  # Through Shardyard many bots share a world, and each has a line of the verdict; at the simulator each has a world of its own.
  # Every fifth world has a guild of 25,000 members, which discordeno's zstd cannot read (bots/discordeno.mjs): not that of this seed.
  set(small_world --seed 2)
  bot_test(uncompressed ${bots} ${uncompressed} --through shardyard)
  bot_test(compressed ${bots} ${compressed} --through shardyard ${small_world})
  set_tests_properties(bots.uncompressed bots.compressed PROPERTIES COST 100 PROCESSORS 2)
  foreach(bot IN LISTS uncompressed compressed)
    set(seed "")
    if(bot STREQUAL discordeno.zstd)
      set(seed ${small_world})
    endif()
    bot_test(${bot}.direct ${bots} ${bot} --through discord ${seed})
  endforeach()
  set(stages discord shardyard) # where the plays run
  foreach(stage IN LISTS stages)
    set(suffix "")
    if(stage STREQUAL discord)
      set(suffix ".direct")
    endif()
    foreach(play IN ITEMS slash_commands side_by_side voice_wait voice_move)
      bot_test(${play}${suffix} ${plays} ${play} --through ${stage})
    endforeach()
  endforeach()
endif()
