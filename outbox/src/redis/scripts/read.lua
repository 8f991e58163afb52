-- Reads the next entries of some streams for a receiver that nobody has replaced.
-- KEYS: the streams.
-- ARGV: the group, the receiver, how many entries at the most, after how many bytes to stop; then for each
-- stream: the id behind which delivered entries are read again, or `>` for new ones; the count of entries up
-- to which a gap was told, or nothing; the ids of delivered entries whose loss was told, with spaces between.
-- Returns `read`, and for each stream: where to go on, the entries, how many were never delivered and are
-- gone, the count of entries up to which they are, the ids of delivered entries that are gone, and, where new
-- ones were looked for, the last that was delivered before. Entries and a gap never come together. Or
-- `taken over`, which stream, and by which receiver.

local group, me = ARGV[1], ARGV[2]
local entries_left, bytes_left = tonumber(ARGV[3]), tonumber(ARGV[4])
local MOST_LOST = 1000

local stream, owner = taken_over(KEYS, group, me)
if stream then
    return {'taken over', stream, owner}
end

-- Entries whose loss was told need not be told again.
local function forget(stream, ids)
    for id in string.gmatch(ids, '%S+') do
        redis.call('XACK', stream, group, id)
    end
end

-- The group has had, or been told of, that many entries of the stream's life.
local function correct(stream, count)
    local state = state_of(stream, group)
    local read = field(state, 'entries-read')
    if read and read < count then
        local last = field(state, 'last-delivered-id')
        redis.call('XGROUP', 'SETID', stream, group, last, 'ENTRIESREAD', count)
    end
end

-- How many entries are gone that the group never had, how many are gone at all, and the last that it had.
local function missed(stream)
    local state = state_of(stream, group)
    local read, last = field(state, 'entries-read'), field(state, 'last-delivered-id')
    local lag, length = field(state, 'lag'), redis.call('XLEN', stream)
    -- All is had, or something is there that was had: so nothing is gone behind it.
    if lag and (lag == 0 or lag < length) then
        return 0, 0, last
    end
    -- Redis 7.0 counts what is gone, too; newer ones do not. To ask the stream costs its first and its last
    -- entry, however large they are.
    local info = redis.call('XINFO', 'STREAM', stream)
    local gone = field(info, 'entries-added') - length
    -- Nobody knows how many it had behind entries that were deleted one by one.
    if read and gone > read then
        return gone - read, gone, last
    end
    return 0, 0, last
end

-- The next entries behind `after`, so many at the most, whatever is left of them.
local function read(lane, most)
    local reply = redis.call('XREADGROUP', 'GROUP', group, CONSUMER, 'COUNT', most,
        'STREAMS', lane.stream, lane.after)
    return reply and reply[1][2] or {}
end

-- How many new entries are read at once: as many as fit several times over, by the largest that was seen.
-- What follows may be larger, so they are not many.
local largest = 0
local function at_once()
    if largest == 0 then
        return 1
    end
    return math.max(1, math.min(16, math.floor(bytes_left / (8 * largest))))
end

-- The next of the entries that were delivered before. Those that are gone are collected, unless there are
-- entries to be handed out before that is told.
local function next_delivered(lane)
    while true do
        local entry = read(lane, 1)[1]
        if not entry then
            lane.after = '>'
            return
        end
        local is_there = entry[2]
        if is_there and #lane.lost == 0 then
            lane.after = entry[1]
            return entry
        end
        if is_there or #lane.entries > 0 or #lane.lost == MOST_LOST then
            lane.stopped = true
            return
        end
        lane.lost[#lane.lost + 1] = entry[1]
        lane.after = entry[1]
    end
end

-- The next new entries, unless there is a gap before them.
local function next_new(lane, most)
    if not lane.checked then
        local count, gone, last = missed(lane.stream)
        if count > 0 and #lane.entries > 0 then
            lane.stopped = true
            return {}
        end
        lane.missed, lane.gone, lane.last, lane.checked = count, gone, last, true
    end
    if lane.missed > 0 or #lane.lost > 0 then
        lane.stopped = true
        return {}
    end
    return read(lane, most)
end

local function next_entries(lane, most)
    if lane.after ~= '>' and not lane.stopped then
        local entry = next_delivered(lane)
        if entry then
            return {entry}
        end
    end
    if lane.stopped then
        return {}
    end
    return next_new(lane, most)
end

local lanes = {}
for place, stream in ipairs(KEYS) do
    local after, told, lost = ARGV[place * 3 + 2], ARGV[place * 3 + 3], ARGV[place * 3 + 4]
    forget(stream, lost)
    if told ~= '' then
        correct(stream, tonumber(told))
    end
    lanes[place] = {stream = stream, after = after, entries = {}, lost = {}, missed = 0, gone = 0,
        last = ''}
end

-- In turns, so that a full lane keeps nobody waiting.
local turn = math.max(1, math.floor(entries_left / #KEYS))
local more = true
while more do
    more = false
    for _, lane in ipairs(lanes) do
        local left = turn
        while left > 0 and entries_left > 0 and bytes_left > 0 do
            local found = next_entries(lane, math.min(left, entries_left, at_once()))
            if #found == 0 then
                break
            end
            more = true
            left = left - #found
            entries_left = entries_left - #found
            for _, entry in ipairs(found) do
                local bytes = 0
                for _, part in ipairs(entry[2]) do
                    bytes = bytes + #part
                end
                bytes_left = bytes_left - bytes
                largest = math.max(largest, bytes)
                lane.entries[#lane.entries + 1] = entry
            end
        end
    end
    if entries_left <= 0 or bytes_left <= 0 then
        break
    end
end

local replies = {}
for place, lane in ipairs(lanes) do
    replies[place] = {lane.after, lane.entries, lane.missed, lane.gone, lane.lost, lane.last}
end
return {'read', replies}
